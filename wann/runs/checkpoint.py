"""Checkpoints: everything a search needs to go on, in one npz without pickled objects."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import array_of, npz_bytes, parse_npz, read_bytes, write_atomically

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

_VERSION: Final = 1
_LARGEST: Final = 4 * 2**30
_CHECKSUM: Final = 4  # bytes at the end


@dataclass(frozen=True)
class Checkpoint:
    """A search at the beginning of a generation.

    Attributes:
        generation: the generation that comes next.
        arrays: named arrays of plain numbers; their meaning belongs to the search.
    """

    generation: int
    arrays: Mapping[str, NDArray[np.generic]]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as a whole or not at all.

    Raises:
        BadInput, Unwritable: see ``write_atomically``.
    """
    header = np.array([_VERSION, checkpoint.generation], np.int64)
    content = npz_bytes({"header": header, **checkpoint.arrays})
    write_atomically(path, content, zlib.crc32(content).to_bytes(_CHECKSUM, "little"))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint back.

    Raises:
        BadInput: the file is damaged, or is no checkpoint of this version.
    """
    content = read_bytes(path, _LARGEST)
    digest = zlib.crc32(memoryview(content)[:-_CHECKSUM])
    if digest.to_bytes(_CHECKSUM, "little") != content[-_CHECKSUM:]:
        raise BadInput(f"{path}: damaged checkpoint (its checksum does not match its content)")
    # Ours are not compressed: none unpacks to more than it takes on the disk.
    arrays = parse_npz(path, content, len(content), "checkpoint", compressed=False)
    try:
        version, generation = array_of(arrays, "header", np.int64, (2,)).tolist()
    except BadInput as error:
        raise BadInput(f"{path}: no checkpoint ({error})") from None
    if version != _VERSION:
        raise BadInput(f"{path}: checkpoint version {version}; this program reads {_VERSION}")
    if generation < 0:
        raise BadInput(f"{path}: no checkpoint (it stands at generation {generation})")
    del arrays["header"]
    return Checkpoint(generation, arrays)
