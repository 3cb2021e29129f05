"""Checkpoints: everything a search needs to go on, in one npz without pickled objects."""

from __future__ import annotations

import io
import operator
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .files import write_atomically

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

_VERSION: Final = 1
_LARGEST: Final = 4 * 2**30
_UNREADABLE: Final = (
    *(ValueError, KeyError, TypeError, OSError, EOFError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What numpy and zipfile raise on an archive that nobody wrote with them."""


@dataclass(frozen=True)
class Checkpoint:
    """A search at the beginning of a generation.

    Attributes:
        generation: the generation that comes next.
        arrays: named arrays of plain numbers; their meaning belongs to the search.
    """

    generation: int
    arrays: dict[str, NDArray[np.generic]]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as a whole or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    buffer = io.BytesIO()
    header = np.array([_VERSION, checkpoint.generation], np.int64)
    np.savez(buffer, allow_pickle=False, header=header, **checkpoint.arrays)
    content = buffer.getvalue()
    digest = np.array([zlib.crc32(content)], np.uint32).tobytes()
    write_atomically(path, content + digest)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint back.

    Raises:
        BadInput: the file is damaged, or is no checkpoint of this version.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise BadInput(f"{path}: larger than any checkpoint")
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    body, digest = content[:-4], content[-4:]
    if np.array([zlib.crc32(body)], np.uint32).tobytes() != digest:
        raise BadInput(f"{path}: damaged checkpoint (its checksum does not match its content)")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        version, generation = map(operator.index, arrays.pop("header").tolist())
    except _UNREADABLE as error:
        raise BadInput(f"{path}: no checkpoint ({error})") from None
    if version != _VERSION:
        raise BadInput(f"{path}: checkpoint version {version}; this program reads {_VERSION}")
    return Checkpoint(generation, arrays)
