"""The conditions under which a classifier of images is scored (Gaier & Ha 2019, section 4.3).

Weights are chosen on the validation images and reported on the test images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..evaluation import BackendSettings, make_evaluator
from ..network import Network
from ..streams import Stream, generator
from ..tasks import ClassificationTask
from ..training import GradientSettings, TuningProgress, TuningSettings, train_by_gradient, train_weights
from .budget import LIMIT, TUNED_OVER, midpoints
from .score import IMAGE_CONDITIONS, ImageScore

__all__ = ["ENSEMBLE", "ImageAssessor"]

ENSEMBLE: Final = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""The shared weights of the ensemble, one vote each: those of the published search."""

_DRAWS: Final = 1000
_SHARED: Final = 100
_AT_ONCE: Final = 8  # weights whose outputs are held at the same time

Floats = NDArray[np.float64]


class ImageAssessor:
    """Scores one network on one set of images; see ``Assessor``.

    Args:
        network: the network.
        task: the images.
        seed: of random weights and of training.
        draws: random weights for each connection, and upper limit of the number of shared weights.
        descent: settings of gradient descent.
        tuning: settings of CMA-ES.
        workers: threads of CMA-ES; all cores if None.
    """

    conditions: ClassVar[tuple[str, ...]] = IMAGE_CONDITIONS
    methods: ClassVar[tuple[str, ...]] = ("gradient", "cma", "shared")

    def __init__(
        self,
        network: Network,
        task: ClassificationTask,
        seed: int = 0,
        draws: int = _DRAWS,
        descent: GradientSettings | None = None,
        tuning: TuningSettings | None = None,
        workers: int | None = None,
    ) -> None:
        self.network = network
        self.task = task
        self.seed = seed
        self._draws = draws
        self._descent = descent
        self._tuning = tuning or TuningSettings()
        self._workers = workers
        self._best_shared: float | None = None

    @property
    def available(self) -> list[str]:
        """All conditions but ``stored`` for a network without weights, and ``tuned`` without PyTorch."""
        missing = {"stored"} if self.network.weights is None else set()
        if find_spec("torch") is None:
            missing.add("tuned")
        return [name for name in self.conditions if name not in missing]

    def score(self, condition: str) -> ImageScore:
        """The score under a condition; see ``Assessor.score``."""
        measures = {
            "stored": self.stored,
            "random": self.random,
            "shared": self.shared,
            "tuned-shared": self.tuned_shared,
            "ensemble": self.ensemble,
            "tuned": self.tuned,
        }
        return measures[condition]()

    def weight(self, value: float) -> ImageScore:
        """One shared weight on the test images."""
        return self._report("weight", np.array([value]), f"shared {value:g}", value)

    def stored(self) -> ImageScore:
        """The weights that the network carries.

        Raises:
            BadInput: it carries none.
        """
        if self.network.weights is None:
            raise BadInput("stored; the network carries no weights", argument="condition")
        return self._report("stored", self.network.weights[None, :], "as stored")

    def random(self) -> ImageScore:
        """An independent draw from U(-2, 2) for every connection, many times."""
        rng = generator(self.seed, Stream.RANDOM_WEIGHTS)
        weights = rng.uniform(-LIMIT, LIMIT, (self._draws, max(1, self.network.connections)))
        description = f"each of U(-{LIMIT:g}, {LIMIT:g}), {self._draws:,} draws"
        return self._report("random", weights, description, drawn=True)

    def shared(self) -> ImageScore:
        """One weight on all connections, over the midpoints of equal parts of [-2, 2]."""
        count = min(_SHARED, self._draws)
        return self._report("shared", midpoints(count), f"{count} midpoints of [-{LIMIT:g}, {LIMIT:g}]")

    def tuned_shared(self) -> ImageScore:
        """The shared weight with the highest validation accuracy."""
        value = self.best_shared_weight()
        return self._report("tuned-shared", np.array([value]), f"shared {value:g}", value)

    def ensemble(self) -> ImageScore:
        """A majority vote of the published shared weights; the summed probabilities break ties."""
        labels = self.task.test.labels
        votes = np.zeros((len(labels), self.task.outputs))
        probabilities = np.zeros_like(votes)
        for outputs in self._logits(np.array(ENSEMBLE), "test"):
            # Among equal outputs the first wins, as everywhere.
            votes[np.arange(len(labels)), outputs.argmax(axis=1)] += 1
            probabilities += _softmax(outputs)
        mean = probabilities / len(ENSEMBLE)
        # The sum of probabilities is at most the number of votes, so this adds at most half a vote.
        chosen = (votes + probabilities / (2 * len(ENSEMBLE))).argmax(axis=1)
        with np.errstate(divide="ignore"):
            returns = np.log(mean[np.arange(len(labels)), labels])
        return ImageScore.of(
            "ensemble",
            chosen[None],
            labels,
            self.task.outputs,
            returns,
            weights=f"a vote for each of {', '.join(f'{value:g}' for value in ENSEMBLE)}",
            seed=self.seed,
            averaged=float((mean.argmax(axis=1) == labels).mean()),
        )

    def tuned(self) -> ImageScore:
        """Every connection trained by gradient descent from the best shared weight."""
        return self._report("tuned", self._trained_weights("gradient")[None, :], "each trained by gradients")

    def train(
        self,
        method: str,
        *,
        show: Callable[[int, int, float], None] | None = None,
        progress: TuningProgress | None = None,
    ) -> Network:
        """The network with its best shared weight, or with weights trained from there.

        See ``Assessor.train``.
        """
        weights = None if method == "shared" else self._trained_weights(method, show, progress)
        return self.network.with_weights(weights, self.best_shared_weight())

    def _trained_weights(
        self,
        method: str,
        show: Callable[[int, int, float], None] | None = None,
        progress: TuningProgress | None = None,
    ) -> Floats:
        start = self.best_shared_weight()
        if method == "gradient":
            return train_by_gradient(self.network, self.task, start, self.seed, self._descent, show)
        with make_evaluator(self.task, BackendSettings(workers=self._workers)) as evaluator:
            return train_weights(
                self.network, evaluator, start, self.seed, self._tuning, show=show, progress=progress
            )

    def sweep(self) -> None:
        """Images have no episodes."""

    def best_shared_weight(self) -> float:
        """The shared weight with the highest validation accuracy; the smaller |w| on a tie."""
        if self._best_shared is None:
            labels = self.task.validation.labels
            right = [
                (outputs.argmax(axis=1) == labels).mean()
                for outputs in self._logits(TUNED_OVER, "validation")
            ]
            self._best_shared = float(TUNED_OVER[int(np.argmax(right))])
        return self._best_shared

    def _logits(self, weights: Floats, part: Literal["validation", "test"]) -> Iterator[NDArray[np.float32]]:
        """Outputs float32[images, outputs] for each row of weights."""
        program = self.network.batch.program_for(weights)
        for begin in range(0, len(weights), _AT_ONCE):
            yield from self.task.logits(program, weights[begin : begin + _AT_ONCE], part)

    def _report(
        self,
        condition: str,
        weights: Floats,
        description: str,
        value: float | None = None,
        *,
        drawn: bool = False,
    ) -> ImageScore:
        labels = self.task.test.labels
        chosen, returns = [], []
        for outputs in self._logits(weights, "test"):
            chosen.append(outputs.argmax(axis=1).astype(np.uint16))
            returns.append(_log_probability(outputs, labels))
        single = len(returns) == 1
        return ImageScore.of(
            condition,
            np.array(chosen),
            labels,
            self.task.outputs,
            returns[0] if single else np.mean(returns, axis=1),
            weights=description,
            seed=self.seed,
            weight=value,
            drawn=drawn,
        )


def _shifted(outputs: NDArray[np.float32]) -> Floats:
    wide = outputs.astype(np.float64)
    return np.asarray(wide - wide.max(axis=1, keepdims=True))


def _softmax(outputs: NDArray[np.float32]) -> Floats:
    raised = np.exp(_shifted(outputs))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _log_probability(outputs: NDArray[np.float32], labels: NDArray[np.int64]) -> Floats:
    """Of the right class, float64[images]."""
    shifted = _shifted(outputs)
    return np.asarray(shifted[np.arange(len(labels)), labels] - np.log(np.exp(shifted).sum(axis=1)))
