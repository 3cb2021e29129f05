"""The conditions under which a policy is scored (Gaier & Ha 2019, table 1, made exact).

Each condition draws its episodes and weights from streams of its own, so that weights are never reported
on the episodes that they were chosen on. Weights are chosen on common episodes, which is the fairest
comparison; in a report every weight has separate episodes, so that all of them count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..evaluation import Evaluator
from ..network import Network
from ..streams import Stream, episode_seeds, generator
from ..tasks import Trial
from ..training import TuningProgress, TuningSettings, train_weights
from .budget import LIMIT, TUNED_OVER, Budget, midpoints
from .score import CONTROL_CONDITIONS, Score

__all__ = ["ControlAssessor"]

Floats = NDArray[np.float64]


class ControlAssessor:
    """Scores one network on one environment; see ``Assessor``.

    Args:
        network: the network.
        evaluator: runs the episodes.
        seed: from which all streams derive.
        budget: how many episodes; the definition if not given.
        tuning: settings of CMA-ES.
        threshold: the return from which on an episode counts as a success.
        stepping: what computes the environment, to be reported.
    """

    conditions: ClassVar[tuple[str, ...]] = CONTROL_CONDITIONS
    methods: ClassVar[tuple[str, ...]] = ("cma", "shared")

    def __init__(
        self,
        network: Network,
        evaluator: Evaluator,
        seed: int = 0,
        budget: Budget | None = None,
        tuning: TuningSettings | None = None,
        threshold: float | None = None,
        stepping: str | None = None,
    ) -> None:
        self.network = network
        self.seed = seed
        self.budget = budget or Budget()
        self._tuning = tuning or TuningSettings()
        self._evaluator = evaluator
        self._threshold = threshold
        self._stepping = stepping
        self._best_shared: float | None = None
        self._sweep: Floats | None = None

    @property
    def available(self) -> list[str]:
        """All conditions but ``stored`` for a network without weights."""
        return [name for name in self.conditions if name != "stored" or self.network.weights is not None]

    def score(self, condition: str) -> Score:
        """The score under a condition; see ``Assessor.score``."""
        measures = {
            "stored": self.stored,
            "random": self.random,
            "shared": self.shared,
            "tuned-shared": self.tuned_shared,
            "tuned": self.tuned,
        }
        return measures[condition]()

    def weight(self, value: float) -> Score:
        """One shared weight on the report episodes."""
        trial = self._trial(Stream.SHARED_EPISODES, self.budget.report)
        returns = self._returns(np.array([value]), trial)
        return self._report("weight", returns, f"shared {value:g}", value)

    def stored(self) -> Score:
        """The weights that the network carries.

        Raises:
            BadInput: it carries none.
        """
        if self.network.weights is None:
            raise BadInput("stored; the network carries no weights", argument="condition")
        trial = self._trial(Stream.STORED_EPISODES, self.budget.report)
        returns = self._returns(self.network.weights[None, :], trial)
        return self._report("stored", returns, "as stored")

    def random(self) -> Score:
        """An independent draw from U(-2, 2) for every connection, renewed for each episode."""
        count = self.budget.random
        rng = generator(self.seed, Stream.RANDOM_WEIGHTS)
        weights = rng.uniform(-LIMIT, LIMIT, (count, max(1, self.network.connections)))
        seeds = episode_seeds(self.seed, Stream.RANDOM_EPISODES, count)
        returns = self._returns(weights, Trial(seeds[:, None]))
        description = f"each of U(-{LIMIT:g}, {LIMIT:g}), new in each episode"
        return self._report("random", returns.reshape(1, -1), description)

    def shared(self) -> Score:
        """One weight on all connections, over the midpoints of equal parts of [-2, 2]."""
        weights, returns = self.response()
        return self._report("shared", returns, f"{len(weights)} midpoints of [-{LIMIT:g}, {LIMIT:g}]")

    def response(self) -> tuple[Floats, Floats]:
        """Returns at each of the shared weights, in episodes of its own.

        Returns:
            The weights float64[weights], and the returns float64[weights, episodes].
        """
        weights, episodes = midpoints(self.budget.shared_weights), self.budget.shared_episodes
        seeds = episode_seeds(self.seed, Stream.SHARED_EPISODES, len(weights) * episodes)
        return weights, self._returns(weights, Trial(seeds.reshape(-1, episodes)))

    def sweep(self) -> tuple[Floats, Floats]:
        """Returns at all shared weights that the best one is chosen from.

        Returns:
            The weights, float64[weights], and their returns, float64[weights, episodes].

        Raises:
            BadInput: no return is finite.
        """
        if self._sweep is None:
            trial = self._trial(Stream.TUNING_EPISODES, self.budget.sweep_episodes)
            self._sweep = self._returns(TUNED_OVER, trial)
            if not np.isfinite(self._sweep).any():
                raise BadInput(
                    f"no episode of {self._sweep.size:,}, at any shared weight, has a finite return"
                )
        return TUNED_OVER, self._sweep

    def best_shared_weight(self) -> float:
        """The shared weight with the highest mean return: a sweep on few episodes, then a final on more.

        The sweep has 80 values from -2 to 2 in steps of 0.05 without 0; ties go to the smaller |w|.
        """
        if self._best_shared is None:
            values, returns = self.sweep()
            finalists = np.sort(_descending(returns)[: self.budget.finalists])
            trial = self._trial(Stream.FINAL_TUNING_EPISODES, self.budget.final_episodes)
            best = _descending(self._returns(values[finalists], trial))[0]
            self._best_shared = float(values[finalists[best]])
        return self._best_shared

    def tuned_shared(self) -> Score:
        """The best shared weight, on fresh episodes."""
        value = self.best_shared_weight()
        trial = self._trial(Stream.TUNED_SHARED_EPISODES, self.budget.report)
        returns = self._returns(np.array([value]), trial)
        return self._report("tuned-shared", returns, f"shared {value:g}", value)

    def tuned(self) -> Score:
        """Every connection trained from the best shared weight, on fresh episodes."""
        trial = self._trial(Stream.TUNED_EPISODES, self.budget.report)
        returns = self._returns(self._trained_weights()[None, :], trial)
        return self._report("tuned", returns, "each trained by CMA-ES")

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
        weights = None if method == "shared" else self._trained_weights(show, progress)
        return self.network.with_weights(weights, self.best_shared_weight())

    def _trained_weights(
        self,
        show: Callable[[int, int, float], None] | None = None,
        progress: TuningProgress | None = None,
    ) -> Floats:
        start = self.best_shared_weight()
        return train_weights(
            self.network, self._evaluator, start, self.seed, self._tuning, show=show, progress=progress
        )

    def _trial(self, stream: Stream, episodes: int) -> Trial:
        return Trial(episode_seeds(self.seed, stream, episodes))

    def _returns(self, weights: Floats, trial: Trial) -> Floats:
        """Returns float64[weights, episodes]."""
        returns = self._evaluator.evaluate(self.network.batch, weights, trial).checked().returns
        return np.asarray(returns[0])

    def _report(
        self, condition: str, returns: Floats, description: str, weight: float | None = None
    ) -> Score:
        return Score.of(
            condition,
            returns,
            weights=description,
            seed=self.seed,
            weight=weight,
            threshold=self._threshold,
            stepping=self._stepping,
        )


def _descending(returns: Floats) -> NDArray[np.int64]:
    """Indices of the weights by descending mean return; ties in the order given."""
    with np.errstate(invalid="ignore"):
        means = returns.mean(axis=1)
    return np.argsort(-np.where(np.isfinite(means), means, -np.inf), kind="stable")
