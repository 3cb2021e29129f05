"""How well a network tells images apart, under each condition (Gaier & Ha 2019, section 4.3).

Weights are chosen on the validation images and reported on the test images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..network import Network
from ..streams import Stream, generator
from ..tasks import ClassificationTask
from ..training import GradientSettings, train_by_gradient
from .budget import LIMIT, TUNED_OVER, midpoints
from .score import ImageScore

__all__ = ["ENSEMBLE", "IMAGE_CONDITIONS", "ImageAssessor"]

IMAGE_CONDITIONS = ("stored", "random", "shared", "tuned-shared", "ensemble", "tuned")
"""The conditions of a set of images; ``ImageAssessor`` says what each is."""
ENSEMBLE: Final = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""The shared values that vote, one vote each: those of the published search."""

_DRAWS: Final = 1000
_SHARED: Final = 100
_AT_ONCE: Final = 8  # weights whose outputs are held at the same time

Floats = NDArray[np.float64]


class ImageAssessor:
    """Judges one network on one set of images.

    Attributes:
        network: what is judged.
        task: the images.
        seed: of random weights, and of training.
        draws: how many random weights each connection gets, and at most how many shared values.
    """

    def __init__(
        self,
        network: Network,
        task: ClassificationTask,
        seed: int = 0,
        draws: int = _DRAWS,
        training: GradientSettings | None = None,
    ) -> None:
        self.network = network
        self.task = task
        self.seed = seed
        self.draws = draws
        self._training = training
        self._best_shared: float | None = None

    def score(self, condition: str) -> ImageScore:
        """The score under a condition by its name.

        Raises:
            BadInput: no such condition, ``stored`` where the network carries no weights, or
                ``tuned`` without PyTorch.
        """
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
        """One shared value."""
        return self._report("weight", np.array([value]), f"shared {value:g}", value)

    def stored(self) -> ImageScore:
        """The weights that the network carries, as they are."""
        if self.network.weights is None:
            raise BadInput("condition stored: the network carries no weights")
        return self._report("stored", self.network.weights[None, :], "as stored")

    def random(self) -> ImageScore:
        """Every connection its own draw from U(-2, 2), many times."""
        rng = generator(self.seed, Stream.RANDOM_WEIGHTS)
        weights = rng.uniform(-LIMIT, LIMIT, (self.draws, max(1, self.network.connections)))
        described = f"each of U(-{LIMIT:g}, {LIMIT:g}), {self.draws:,} draws"
        return self._report("random", weights, described, drawn=True)

    def shared(self) -> ImageScore:
        """One weight on all connections, over the midpoints of equal parts of [-2, 2]."""
        count = min(_SHARED, self.draws)
        return self._report("shared", midpoints(count), f"{count} midpoints of [-{LIMIT:g}, {LIMIT:g}]")

    def tuned_shared(self) -> ImageScore:
        """The shared value that is best on the validation images."""
        value = self.best_shared_weight()
        return self._report("tuned-shared", np.array([value]), f"shared {value:g}", value)

    def ensemble(self) -> ImageScore:
        """Each of the published values has one vote; the summed probabilities break ties."""
        labels = self.task.test.labels
        votes = np.zeros((len(labels), self.task.outputs))
        probabilities = np.zeros_like(votes)
        for outputs in self._logits(np.array(ENSEMBLE), "test"):
            # Among equal outputs the first counts, as everywhere.
            votes[np.arange(len(labels)), outputs.argmax(axis=1)] += 1
            probabilities += _softmax(outputs)
        mean = probabilities / len(ENSEMBLE)
        # Fewer than a vote apart: the sum of probabilities is at most as large as there are votes.
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
        """Every connection trained by gradient descent from the best shared value."""
        return self._report("tuned", self._train()[None, :], "each trained by gradients")

    def trained(self, show: Callable[[int, int, float], None] = lambda *_: None) -> Network:
        """The network with trained weights, and the shared value that they started from.

        ``show`` is told each epoch, how many there are, and the accuracy on the validation images.
        """
        return self.network.with_weights(self._train(show), self.best_shared_weight())

    def _train(self, show: Callable[[int, int, float], None] = lambda *_: None) -> Floats:
        start = self.best_shared_weight()
        return train_by_gradient(self.network, self.task, start, self.seed, self._training, show)

    def best_shared_weight(self) -> float:
        """The value with the highest accuracy on the validation images; the smaller |w| on a tie."""
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
        described: str,
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
            weights=described,
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
