"""Checkpoints: the complete state of a search in one npz file, without pickled objects."""

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
    """The state of a search at the start of a generation.

    Attributes:
        generation: the next generation to compute.
        arrays: numeric arrays by name, whose meaning is the search's own.
    """

    generation: int
    arrays: Mapping[str, NDArray[np.generic]]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises:
        BadInput, Unwritable: see ``write_atomically``.
    """
    header = np.array([_VERSION, checkpoint.generation], np.int64)
    content = npz_bytes({"header": header, **checkpoint.arrays})
    write_atomically(path, content, zlib.crc32(content).to_bytes(_CHECKSUM, "little"))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        BadInput: the file is damaged, or is not a checkpoint of this version.
    """
    content = read_bytes(path, _LARGEST)
    digest = zlib.crc32(memoryview(content)[:-_CHECKSUM])
    if digest.to_bytes(_CHECKSUM, "little") != content[-_CHECKSUM:]:
        raise BadInput(f"{path}: damaged checkpoint (its checksum does not match its content)")
    # Checkpoints are written uncompressed, so none is larger in memory than on disk.
    arrays = parse_npz(path, content, len(content), "a checkpoint", compressed=False)
    try:
        version, generation = array_of(arrays, "header", np.int64, (2,)).tolist()
    except BadInput as error:
        raise BadInput(f"{path}: not a checkpoint ({error})") from None
    if version != _VERSION:
        raise BadInput(f"{path}: checkpoint version {version}; this program reads {_VERSION}")
    if generation < 0:
        raise BadInput(f"{path}: not a checkpoint (its generation is {generation})")
    del arrays["header"]
    return Checkpoint(generation, arrays)
