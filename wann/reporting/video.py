"""Videos of episodes, and pictures of their moments side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import BadInput
from ..files import write_atomically
from ..tasks import RenderedEpisode

__all__ = ["check_video", "write_video"]

Frame = NDArray[np.uint8]

_GIF_FRAMES_PER_SECOND: Final = 25  # what browsers show at its true speed
_MOMENTS: Final = 8
_WIDTH: Final = 480  # pixels of a frame
_PAUSE: Final = 0.8  # seconds on the last frame of an episode


def check_video(path: Path) -> None:
    """Check that a video can be written to a path, before the episodes are computed.

    Raises:
        BadInput: an unknown suffix, a missing folder, or a missing extra.
    """
    if path.suffix not in _WRITERS:
        raise BadInput(f"{path}: not a video; accepted suffixes are {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise BadInput(f"{path}: there is no folder {path.parent}")
    if path.suffix == ".mp4" and (find_spec("av") is None or find_spec("imageio") is None):
        raise BadInput(f"{path}: mp4 needs an extra: pip install 'wann[video]'")


def write_video(episodes: Sequence[RenderedEpisode], path: Path) -> None:
    """Write episodes by suffix: ``.mp4`` and ``.gif`` move, ``.png`` shows moments of the first episode.

    Raises:
        BadInput: see ``check_video``.
        Failure: the file cannot be written.
    """
    check_video(path)
    write_atomically(path, _WRITERS[path.suffix](episodes))


def _resized(frame: Frame) -> Image.Image:
    picture = Image.fromarray(frame)
    height = round(picture.height * _WIDTH / picture.width / 2) * 2  # video is coded in blocks
    return picture.resize((_WIDTH, height), Image.Resampling.LANCZOS)


def _gif(episodes: Sequence[RenderedEpisode]) -> bytes:
    step = max(1, round(episodes[0].frames_per_second / _GIF_FRAMES_PER_SECOND))
    # One palette for all frames, or colours flicker.
    first = _resized(episodes[0].frames[0]).quantize(64)
    shown, milliseconds = [], []
    for episode in episodes:
        for frame in episode.frames[::step]:
            shown.append(_resized(frame).quantize(palette=first, dither=Image.Dither.NONE))
            milliseconds.append(round(1000 * step / episodes[0].frames_per_second))
        milliseconds[-1] += round(1000 * _PAUSE)
    buffer = io.BytesIO()
    shown[0].save(
        buffer, "GIF", save_all=True, append_images=shown[1:], duration=milliseconds, loop=0, optimize=True
    )
    return buffer.getvalue()


def _mp4(episodes: Sequence[RenderedEpisode]) -> bytes:
    import imageio.v3 as imageio  # noqa: PLC0415 - an extra

    rate = round(episodes[0].frames_per_second)
    still = round(rate * _PAUSE)
    frames = chain.from_iterable([*one.frames, *[one.frames[-1]] * still] for one in episodes)
    pictures = np.stack([np.asarray(_resized(frame)) for frame in frames])
    written: bytes = imageio.imwrite(
        "<bytes>", pictures, extension=".mp4", plugin="pyav", codec="libx264", fps=rate
    )
    return written


def _strip(episodes: Sequence[RenderedEpisode]) -> bytes:
    """Moments of the first episode, denser at its beginning, where most happens."""
    frames = episodes[0].frames
    moments = (np.linspace(0, 1, _MOMENTS) ** 1.6 * (len(frames) - 1)).round().astype(int)
    pictures = [_resized(frames[moment]) for moment in moments.tolist()]
    columns = _MOMENTS // 2
    width, height = pictures[0].size
    sheet = Image.new("RGB", (columns * width, 2 * height), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


_WRITERS: Final = {".gif": _gif, ".mp4": _mp4, ".png": _strip}
