"""A function of the user's own as an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput, described
from ..trust import Trust, import_trusted

__all__ = ["FunctionEncoder"]

_KEY: Final = "task.encoder"


@dataclass(frozen=True)
class FunctionEncoder:
    """A function from one image, as the environment returns it, to a vector.

    Attributes:
        name: ``module:function``.
        trust: which modules may be imported.
    """

    name: str
    trust: Trust
    label = "feature"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionEncoder) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def load(self) -> Any:
        """The function.

        Raises:
            BadInput: its module is not trusted, it cannot be imported, or it is no function.
        """
        return self._function

    @cached_property
    def _function(self) -> Any:
        module, name = self.trust.split(self.name, "interface.encoder")
        try:
            found = getattr(import_trusted(module or ""), name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
            raise BadInput(f"{_KEY}: {self.name} cannot be used ({described(error)})") from None
        if not callable(found):
            raise BadInput(f"{_KEY}: {self.name} is {type(found).__name__}; accepted is a function")
        return found

    def __getstate__(self) -> dict[str, Any]:
        # Functions are found again where they are needed.
        return {"name": self.name, "trust": self.trust}

    def size(self, image: spaces.Box) -> int:
        """Numbers that it makes of a black image of this kind.

        Raises:
            BadInput: it fails.
        """
        return len(self._vector(np.zeros(image.shape, image.dtype)))

    def encode(self, rows: NDArray[Any], image: spaces.Box) -> NDArray[np.float32]:
        """The vectors float32[rows, size] of images number[rows, pixels and channels].

        Raises:
            BadInput: it fails, or returns vectors of different lengths.
        """
        images = rows.reshape(len(rows), *image.shape).astype(image.dtype)
        vectors = [self._vector(one) for one in images]
        sizes = {len(vector) for vector in vectors}
        if len(sizes) > 1:
            raise BadInput(f"{_KEY}: {self.name} returns vectors of {min(sizes)} and of {max(sizes)} numbers")
        return np.array(vectors, np.float32).reshape(len(rows), -1)

    def _vector(self, image: NDArray[Any]) -> NDArray[np.float32]:
        try:
            vector = np.asarray(self._function(image))
        except (KeyboardInterrupt, BadInput):
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
            raise BadInput(f"{_KEY}: {self.name} fails ({described(error)})") from None
        if vector.dtype.kind not in "fiub" or vector.ndim != 1 or not vector.size:
            found = f"an array of shape {vector.shape} and type {vector.dtype}"
            raise BadInput(f"{_KEY}: {self.name} returns {found}; accepted is a vector of numbers")
        with np.errstate(over="ignore"):
            return vector.astype(np.float32)
