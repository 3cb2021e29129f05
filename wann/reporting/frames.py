"""Frames of an environment above what an encoder has kept of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..files import write_atomically

__all__ = ["write_frames"]

_SCALE: Final = 2


def write_frames(rows: Sequence[NDArray[np.uint8]], path: Path) -> None:
    """Write rows of frames, uint8[frames, height, width, channels] each, as a png.

    Of more than three channels the last three are shown, of two the last.

    Raises:
        BadInput, Unwritable: see ``write_atomically``.
    """
    sheet = np.concatenate([np.concatenate(list(frames), axis=1) for frames in rows])
    sheet = sheet[..., -3:] if sheet.shape[2] >= 3 else np.repeat(sheet[..., -1:], 3, axis=2)
    picture = Image.fromarray(np.ascontiguousarray(sheet))
    picture = picture.resize((picture.width * _SCALE, picture.height * _SCALE), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    write_atomically(path, buffer.getvalue())
