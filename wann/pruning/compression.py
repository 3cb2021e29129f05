"""Compression of a trained network layer by layer, as AMC's policies meet it (He et al. 2018).

A policy reads a layer's features and answers with its sparsity, which is bounded so that a budget is met.
After the last layer the network is pruned and judged on validation images, without any further training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..settings import Settings, parse_settings
from .budget import Budget
from .dense import dense_model, load_examples, load_weights, trained_weights
from .layers import Layer, measured_layers
from .mask import Mask
from .models import ModelSettings
from .prefixes import MaskedOutputs
from .removal import REMOVALS, Removal, Resource
from .schedules import Share
from .settings import DataSettings, PruneConfig
from .training import Examples, TrainingSettings, one_thread

__all__ = ["Compression", "CompressionSettings", "Judgement", "make_compression"]

_LATEST: Final = 4  # compressions that a process keeps


class CompressionSettings(Settings):
    """Which network is compressed, how, and what that is worth.

    Attributes:
        seed: seed of the network's initial weights and of its training.
        data: the images, or their name.
        model: the dense network, or its kind.
        training: how the dense network is trained, where ``weights`` names none.
        weights: an npz file with the trained weights, such as ``rounds/00-dense/final.npz`` of a pruning run;
            if not given, the network is trained once and kept in the user's cache.
        remove: ``weights``: single ones of the least magnitude, in any network; ``units``: whole ones of the
            least norm, in networks that ``wann prune`` can compact.
        budget: what the sparsity is a share of: ``weights``, or ``flops``, the multiply-adds.
        sparsity: share of the budget that must be removed; with 0 nothing must.
        highest: the highest sparsity of a layer.
        levels: a policy's sparsities are multiples of one part of so many, before they are bounded.
        reward: ``accuracy`` on the validation images; ``flops``: minus the error times the logarithm of the
            multiply-adds that are left; ``weights``: minus the error times the logarithm of the weights.
        images: number of validation images, the first ones, that networks are judged on.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    data: DataSettings = DataSettings(name="fashion-mnist")
    model: ModelSettings = ModelSettings(kind="lenet-5")
    training: TrainingSettings = TrainingSettings(iterations=2000)
    weights: str | None = None
    remove: Literal["weights", "units"] = "weights"
    budget: Resource = "weights"
    sparsity: Share = 0.9
    highest: Share = 0.98
    levels: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    reward: Literal["accuracy", "flops", "weights"] = "accuracy"
    images: Annotated[int, Field(ge=1)] = 500

    @classmethod
    def migrated(cls, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """A document in which names stand for data and model, with these as tables."""
        tables = {"data": "name", "model": "kind"}
        return {
            key: {tables[key]: value} if key in tables and isinstance(value, str) else value
            for key, value in document.items()
        }

    @property
    def dense(self) -> PruneConfig:
        """The configuration of a pruning run that begins with the same dense network."""
        return PruneConfig(seed=self.seed, data=self.data, model=self.model, training=self.training)


@dataclass(frozen=True)
class Judgement:
    """What a pruned network is worth, without further training.

    Attributes:
        reward: as the settings say.
        accuracy: on the validation images.
        weights: number of weights left.
        flops: multiply-adds left.
    """

    reward: float
    accuracy: float
    weights: int
    flops: int


class Compression:
    """The compression of one trained network.

    What layers keep, from the first on, is a sequence of whole numbers: of weights or of units.

    Args:
        settings: which network, how, and what that is worth.

    Attributes:
        settings: these.
        layers: layers whose weights can be pruned, in the order of computation.
        totals: weights or units of each layer that a policy decides on.

    Raises:
        BadInput: the network cannot be made, trained or pruned, its weights are those of another one, or the
            budget cannot be met.
    """

    def __init__(self, settings: CompressionSettings) -> None:
        self.settings = settings
        model, config = dense_model(settings.dense).eval(), settings.dense
        validation = load_examples(config.data, "validation")
        chosen = slice(settings.images)
        self._examples = Examples(validation.inputs[chosen].clone(), validation.targets[chosen].clone())
        self.layers = measured_layers(model, self._examples.inputs)
        remove, example = REMOVALS[settings.remove], self._examples.inputs[:1]
        untrained = remove(model, self.layers, example)  # what cannot be done is refused before the training
        self.totals = untrained.totals
        self._flops, self._weights = untrained.cost("flops"), untrained.cost("weights")
        cost = self._flops if settings.budget == "flops" else self._weights
        self._budget = Budget.of(cost, self.totals, settings.sparsity, settings.highest)
        path = settings.weights
        model.load_state_dict(trained_weights(config) if path is None else load_weights(Path(path), model))
        self._removal: Removal = remove(model, self.layers, example)
        self._outputs = MaskedOutputs(
            model, [layer.parameter for layer in self.layers], self._examples.inputs
        )
        self._fixed = _scaled(self.layers)
        self._judged: dict[tuple[int, ...], Judgement] = {}

    def state(self, kept: Sequence[int]) -> NDArray[np.float32]:
        """What a policy reads of the next layer, float32[11] in [0, 1] (AMC, section 3.1).

        They are t, n, c, h, w, stride, k, FLOPs[t], Reduced, Rest, a_{t-1}, where Reduced are the FLOPs
        that the choices so far have saved, and Rest those of the layers after this one.

        Args:
            kept: what the layers before it keep.
        """
        here, whole = len(kept), self._flops.of(self.totals)
        reduced = whole - self._flops.of((*kept, *self.totals[here:]))
        rest = sum(layer.flops for layer in self.layers[here + 1 :])
        last = self.sparsities(kept)[-1] if kept else 0.0
        return np.array([*self._fixed[here], reduced / whole, rest / whole, last], np.float32)

    def kept(self, kept: Sequence[int], sparsity: float) -> int:
        """What the next layer keeps at the sparsity that a policy wants, bounded by the budget.

        Args:
            kept: what the layers before it keep.
            sparsity: from 0 to 1; beyond, the nearest of the two.
        """
        levels = self.settings.levels
        return self._budget.kept(kept, round(min(max(sparsity, 0.0), 1.0) * levels) / levels)

    def sparsities(self, kept: Sequence[int]) -> list[float]:
        """The sparsity of each layer that keeps so much."""
        return [1 - count / total for count, total in zip(kept, self.totals, strict=False)]

    def rates(self, kept: Sequence[int]) -> dict[str, float]:
        """These by the layer's name, as a plan of pruning takes them."""
        return {layer.name: rate for layer, rate in zip(self.layers, self.sparsities(kept), strict=False)}

    def mask(self, kept: Sequence[int]) -> Mask:
        """The weights that are left."""
        return self._removal.mask(kept)

    def judge(self, kept: Sequence[int]) -> Judgement:
        """Prune every layer, and measure the network on the validation images; the same is measured once.

        Raises:
            BadInput: the network's forward fails.
        """
        key = tuple(kept)
        if key not in self._judged:
            self._judged[key] = self._measured(key)
        return self._judged[key]

    def _measured(self, kept: tuple[int, ...]) -> Judgement:
        with one_thread():
            outputs = self._outputs.of(self.mask(kept).tensors, kept)
        right = int((outputs.argmax(1) == self._examples.targets).sum())
        accuracy = right / len(self._examples)
        weights, flops = self._weights.of(kept), self._flops.of(kept)
        reward = accuracy
        if self.settings.reward != "accuracy":  # AMC, section 3.3: -Error log(FLOPs), -Error log(#Param)
            reward = -(1 - accuracy) * math.log(flops if self.settings.reward == "flops" else weights)
        return Judgement(reward, accuracy, weights, flops)


def make_compression(**settings: Any) -> Compression:
    """The compression with these settings; the latest ones are kept in this process.

    Args:
        settings: of ``CompressionSettings``, as a document has them.

    Raises:
        BadInput: an unknown or a bad setting; see ``Compression``.
    """
    wanted = parse_settings(CompressionSettings, settings)
    return _made(wanted, _age(wanted.weights))


@lru_cache(maxsize=_LATEST)
def _made(settings: CompressionSettings, age: int) -> Compression:
    del age  # weights that were written anew are read anew
    return Compression(settings)


def _age(path: str | None) -> int:
    with suppress(OSError):
        return 0 if path is None else Path(path).stat().st_mtime_ns
    return 0


def _scaled(layers: Sequence[Layer]) -> NDArray[np.float64]:
    """The features that no choice changes, float64[layers, 8], each scaled from its least to its highest."""
    table = np.array(
        [
            (t, one.outputs, one.inputs, one.height, one.width, one.stride, one.kernel, one.flops)
            for t, one in enumerate(layers)
        ],
        np.float64,
    )
    least, range_ = table.min(axis=0), np.ptp(table, axis=0)
    return np.asarray((table - least) / np.where(range_ > 0, range_, 1.0))
