"""AMC as a Gymnasium environment: the sparsity of each layer of a trained network, one after the other."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Compression", "LayerSparsityEnv"]

_GROUP: Final = "wann.layer_sparsity"
_FEATURES: Final = (
    "t", "n", "c", "h", "w", "stride", "k", "flops", "reduced", "rest", "last sparsity",
)  # fmt: skip


class Judgement(Protocol):
    """What a pruned network is worth."""

    @property
    def reward(self) -> float:
        """The episode's return."""

    @property
    def accuracy(self) -> float:
        """On validation images."""

    @property
    def weights(self) -> int:
        """Number of weights left."""

    @property
    def flops(self) -> int:
        """Multiply-adds left."""


class Compression(Protocol):
    """The network behind the environment; what layers keep, from the first on, are whole numbers.

    Attributes:
        totals: what each layer has, of which it keeps something.
    """

    totals: tuple[int, ...]

    def state(self, kept: Sequence[int]) -> NDArray[np.float32]:
        """What a policy reads of the next layer, float32[11] in [0, 1]."""

    def kept(self, kept: Sequence[int], sparsity: float) -> int:
        """What the next layer keeps at this sparsity, within its bounds."""

    def judge(self, kept: Sequence[int]) -> Judgement:
        """What the network is worth once all layers are pruned."""

    def rates(self, kept: Sequence[int]) -> dict[str, float]:
        """The sparsity of each layer by its name."""


class LayerSparsityEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Choose the sparsity of each layer of a trained network, so that it fits a budget and still works.

    ## Description

    He et al., "AMC: AutoML for Model Compression and Acceleration on Mobile Devices", ECCV 2018: a policy
    reads the features of a layer and answers with its sparsity, layer by layer. After the last one the
    network is pruned by magnitude and measured on validation images, without any training in between.
    Episodes have as many steps as the network has layers to be pruned, and are all the same: nothing is
    random.

    ## Action Space

    A `ndarray` of shape `(1,)`, float32: the sparsity of the layer, from 0 to 1. It is bounded by the highest
    sparsity of a layer from above, and from below by the budget: the rest must be able to meet it (the
    paper's algorithm 1).

    ## Observation Space

    A `ndarray` of shape `(11,)`, float32, each from 0 to 1:

    | Num | Observation                                                                      |
    |-----|----------------------------------------------------------------------------------|
    | 0   | t, the layer's number                                                            |
    | 1   | n, its output channels                                                           |
    | 2   | c, its input channels                                                            |
    | 3   | h, the height of its input                                                       |
    | 4   | w, the width of its input                                                        |
    | 5   | its stride (0 for a dense layer)                                                 |
    | 6   | k, the size of its kernel                                                        |
    | 7   | its FLOPs                                                                        |
    | 8   | the FLOPs that the layers before it have been relieved of, as a share of all     |
    | 9   | the FLOPs of the layers after it, as a share of all                              |
    | 10  | the sparsity of the layer before it                                              |

    The first eight are scaled from the least to the highest value among the network's layers.

    ## Rewards

    0 until the last layer, then the accuracy on the validation images, or `-error * log(FLOPs)`, or
    `-error * log(weights)`, of the network that is left.

    ## Starting State

    The first layer of the dense network.

    ## Episode End

    Termination: after the last layer. `info` then has `accuracy`, `weights`, `flops` and, by the name of each
    layer, `rates`.

    ## Arguments

    `compression`, an object that does what the protocol `Compression` says. Without it, all other arguments
    go to the package that offers one as the entry point `wann.layer_sparsity`: wann's own takes `model`,
    `data`, `seed`, `training`, `weights`, `remove`, `budget`, `sparsity`, `highest`, `levels`, `reward` and
    `images`.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012
    observation_names: ClassVar = _FEATURES
    action_names: ClassVar = ("sparsity",)

    def __init__(
        self, render_mode: str | None = None, compression: Compression | None = None, **settings: Any
    ) -> None:
        if render_mode is not None:
            raise ValueError(f"render_mode is {render_mode!r}; it must be None")
        if compression is not None and settings:
            raise ValueError(f"{next(iter(settings))} does not go with compression, which is there already")
        self.compression = _offered(settings) if compression is None else compression
        self.render_mode = None
        self.observation_space = spaces.Box(0.0, 1.0, (len(_FEATURES),), np.float32)
        self.action_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.kept: list[int] | None = None
        """What the layers so far keep; None before the first ``reset``."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin with the first layer.

        Args:
            seed: nothing is random.
            options: there are none.
        """
        super().reset(seed=seed)
        del options
        self.kept = []
        return self.compression.state(self.kept), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Prune a layer.

        Raises:
            gymnasium.error.ResetNeeded: before the first ``reset``, or after the last layer.
            ValueError: the action does not have the shape (1,).
        """
        layers = len(self.compression.totals)
        if self.kept is None or len(self.kept) == layers:
            raise ResetNeeded("call reset() before step()")
        if np.shape(action) != (1,):
            raise ValueError(f"the action has shape {np.shape(action)}; it must be (1,)")
        before = list(self.kept)
        self.kept.append(self.compression.kept(before, float(action[0])))
        if len(self.kept) < layers:
            return self.compression.state(self.kept), 0.0, False, False, {}
        judged = self.compression.judge(self.kept)
        facts = {name: getattr(judged, name) for name in ("accuracy", "weights", "flops")}
        facts["rates"] = self.compression.rates(self.kept)
        # After the last layer there is none to read: the published code repeats its state.
        return self.compression.state(before), judged.reward, True, False, facts


def _offered(settings: dict[str, Any]) -> Compression:
    """The compression that an installed package offers for these settings."""
    for entry in entry_points(group=_GROUP):
        made: Compression = entry.load()(**settings)
        return made
    raise DependencyNotInstalled(f"no package offers the entry point {_GROUP}; give a compression")
