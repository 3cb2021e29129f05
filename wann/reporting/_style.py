"""The style of all pictures, and their files: equal content gives equal bytes."""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import write_atomically

__all__ = [
    "ACCENT",
    "BLUE",
    "FAINT",
    "GREY",
    "INK",
    "NEGATIVE",
    "PICTURES",
    "POSITIVE",
    "Picture",
    "add_title",
    "checked_suffix",
    "drawable",
    "house_style",
    "plain",
    "save",
    "save_text",
    "tidy",
    "to_svg",
]

INK: Final = "#22303f"
GREY: Final = "#7b8794"
FAINT: Final = "#d3d9e0"
ACCENT: Final = "#d1495b"
BLUE: Final = "#2c6fbb"
POSITIVE: Final = "#2166ac"
NEGATIVE: Final = "#c0392b"

PICTURES: Final = (".svg", ".png", ".pdf")

_LARGEST_DRAWN: Final = 1e150
_PAD: Final = 0.08  # inches around a picture

# Dates and program versions would make equal pictures differ.
_METADATA: Final[dict[str, dict[str, None]]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

_SETTINGS: Final[dict[str, Any]] = {
    # The first comes with matplotlib; the others have the same widths, for viewers without it.
    "font.sans-serif": ["DejaVu Sans", "Bitstream Vera Sans", "Verdana", "sans-serif"],
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e9edf1",
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 200.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "wann",
    "pdf.fonttype": 42,
}


@contextmanager
def house_style() -> Iterator[None]:
    """A context with the style of this project; the user's own settings are restored afterwards."""
    with style.context(["default", _SETTINGS]), warnings.catch_warnings():
        # SVG and HTML show names in scripts that the font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


class Picture(Figure):
    """A figure that shows itself in notebooks, whether or not they are set up for matplotlib."""

    def _repr_svg_(self) -> str:
        with house_style():
            return to_svg(self)

    def savefig(self, fname: Any, *, transparent: bool | None = None, **arguments: Any) -> None:
        """Save it as every figure of matplotlib, but whole: names stand outside its axes."""
        whole = {"bbox_inches": "tight", "pad_inches": _PAD}
        super().savefig(fname, transparent=transparent, **(whole | arguments))


def checked_suffix(path: Path, accepted: tuple[str, ...] = PICTURES) -> str:
    """The suffix of a path, in lower case.

    Raises:
        BadInput: the suffix is not accepted.
    """
    suffix = path.suffix.lower()
    if suffix not in accepted:
        given = f"suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise BadInput(f"{path}: {given}; accepted are {', '.join(accepted)}")
    return suffix


def plain(text: str) -> str:
    """Text as one line without characters that XML forbids."""
    one_line = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if _forbidden(letter) else letter for letter in one_line)


def _forbidden(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs") or letter in "\ufffe\uffff"


def tidy(axes: Axes) -> None:
    """Keep only the horizontal grid lines, which help to read heights."""
    axes.grid(visible=False, axis="x")
    axes.tick_params(length=3)


def add_title(axes: Axes, title: str | None) -> None:
    """Set a title at the left edge of the axes, if there is one."""
    if title:
        axes.set_title(plain(title), loc="left", fontsize=10, fontweight="bold", parse_math=False)


def drawable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, NaN where one is too large for an axis."""
    return np.where(np.abs(values) < _LARGEST_DRAWN, values, np.nan)


def _render(figure: Figure, kind: str) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format=kind, metadata=_METADATA[kind], bbox_inches="tight", pad_inches=_PAD)
    return target.getvalue()


def to_svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element for an HTML page. Call within ``house_style``."""
    text = _render(figure, "svg").decode()
    return text[text.index("<svg") :]


def save(figure: Figure, path: Path) -> None:
    """Write a picture in the format of the suffix. Call within ``house_style``.

    Raises:
        BadInput: an unknown suffix, or a folder that does not exist.
        Failure: the file cannot be written.
    """
    kind = checked_suffix(path).removeprefix(".")
    write_atomically(path, _render(figure, kind))


def save_text(text: str, path: Path) -> None:
    """Write text as UTF-8.

    Raises:
        BadInput: a folder that does not exist.
        Failure: the file cannot be written.
    """
    write_atomically(path, text.encode())
