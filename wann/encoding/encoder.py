"""What an encoder is, and which one a name stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput
from ..trust import NOTHING, Trust
from .file import FILE_NAME, SUFFIX, canonical_name, find_encoder, load_encoder
from .function import FunctionEncoder
from .pixels import PREFIX, PixelEncoder

__all__ = ["AbsentEncoder", "Encoder", "made_encoder", "written_encoder"]


class Encoder(Protocol):
    """What makes numbers of images, of each image alone; can be sent to workers."""

    @property
    def name(self) -> str:
        """As ``task.encoder`` names it; of a file, its name in a run folder."""

    @property
    def label(self) -> str:
        """What one of its numbers is called in pictures."""

    def size(self, image: spaces.Box) -> int:
        """Numbers that it makes of such an image.

        Raises:
            BadInput: it does not fit such images.
        """

    def encode(self, rows: NDArray[Any], image: spaces.Box) -> NDArray[np.float32]:
        """The numbers float32[rows, size] of images, each given flat: number[rows, pixels and channels].

        Raises:
            BadInput: it fails.
        """


@dataclass(frozen=True)
class AbsentEncoder:
    """The encoder of a network whose file was not found, or is damaged: only its digest is known.

    Attributes:
        digest: of the encoder.
        reason: what is to be said whenever it is needed.
    """

    digest: str
    reason: str
    label = "latent"

    @property
    def name(self) -> str:
        """Its name in a run folder."""
        return canonical_name(self.digest)

    def size(self, image: spaces.Box) -> NoReturn:  # noqa: ARG002 - as the protocol has it
        """Nobody knows.

        Raises:
            BadInput: always.
        """
        raise BadInput(self.reason)

    def encode(self, rows: NDArray[Any], image: spaces.Box) -> NoReturn:  # noqa: ARG002
        """Nobody can.

        Raises:
            BadInput: always.
        """
        raise BadInput(self.reason)


def made_encoder(name: str, trust: Trust = NOTHING, kept: Path | None = None) -> Encoder:
    """The encoder that ``task.encoder`` names.

    Args:
        name: ``pixels:8x8``, an ``.npz`` file, or ``module:function``.
        trust: which modules it may import.
        kept: a run folder, whose copy of the file is read instead.

    Raises:
        BadInput: the name is none of these, a damaged file, an untrusted module, or no such function.
    """
    if name.startswith(PREFIX):
        return PixelEncoder.of(name)
    if name.endswith(SUFFIX):
        path = Path(name) if kept is None else kept / Path(name).name
        if not path.exists():
            raise BadInput(f"task.encoder: {path}: no such file; `wann encoder train` writes one")
        return load_encoder(path)
    if all(name.partition(":")[::2]):
        trust.split(name, "task.encoder")
        encoder = FunctionEncoder(name, trust)
        encoder.load()
        return encoder
    raise BadInput(
        f'task.encoder: {name!r}; accepted are "pixels:8x8", an {SUFFIX} file that `wann encoder train` '
        "writes, and module:function"
    )


def written_encoder(name: str, digest: str | None, folders: tuple[Path, ...]) -> Encoder:
    """The encoder that a network file names: nothing is imported.

    Args:
        name: as ``Encoder.name``.
        digest: where it is a file.
        folders: where its file may lie.

    Raises:
        BadInput: neither a name that is accepted, nor a digest.
    """
    if digest is None:
        if name.startswith(PREFIX):
            return PixelEncoder.of(name)
        if all(name.partition(":")[::2]):
            return FunctionEncoder(name, NOTHING)
    elif FILE_NAME.fullmatch(name) and name == canonical_name(digest):
        try:
            return find_encoder(digest, folders)
        except BadInput as error:
            return AbsentEncoder(digest, str(error))
    raise BadInput(f"interface: encoder {name!r} with the digest {digest!r} is none that a network can have")
