"""The conditions under which a network is judged (Gaier & Ha 2019, table 1, made exact).

Each draws its episodes and weights from streams of its own, so that weights are never chosen on the
episodes that they are reported on. What is chosen is chosen on common episodes, which is the fairest
comparison; in what is reported every weight meets episodes of its own, so that all of them count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..evaluation import Evaluator
from ..network import Network
from ..streams import Stream, episode_seeds, generator
from ..tasks import Outcome, Trial
from ..training import TuningSettings, train_weights
from .budget import LIMIT, TUNED_OVER, Budget, midpoints
from .score import Score

__all__ = ["Assessor", "mean_of"]


class Assessor:
    """Judges one network on one task.

    Attributes:
        network: what is judged.
        seed: what every stream derives from.
        budget: how many episodes.
        threshold: the return from which on an episode is a success.
        stepping: what computes the environment.
    """

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
        self._swept: NDArray[np.float64] | None = None

    def score(self, condition: str) -> Score:
        """The score under a condition by its name.

        Raises:
            BadInput: no such condition, or ``stored`` where the network carries no weights.
        """
        measures = {
            "stored": self.stored,
            "random": self.random,
            "shared": self.shared,
            "tuned-shared": self.tuned_shared,
            "tuned": self.tuned,
        }
        if condition not in measures:
            raise BadInput(f"--condition {condition}: accepted are {', '.join(measures)}, all")
        return measures[condition]()

    def weight(self, value: float) -> Score:
        """One shared value on the report episodes."""
        trial = self._trial(Stream.SHARED_EPISODES, self.budget.report)
        returns = self._play(np.array([value]), trial).returns[0]
        return self._report("weight", returns, f"shared {value:g}", value)

    def stored(self) -> Score:
        """The weights that the network carries, as they are."""
        if self.network.weights is None:
            raise BadInput("condition stored: the network carries no weights")
        trial = self._trial(Stream.STORED_EPISODES, self.budget.report)
        returns = self._play(self.network.weights[None, :], trial).returns[0]
        return self._report("stored", returns, "as stored")

    def random(self) -> Score:
        """Every connection its own draw from U(-2, 2), a new draw for each episode."""
        count = self.budget.random
        rng = generator(self.seed, Stream.RANDOM_WEIGHTS)
        weights = rng.uniform(-LIMIT, LIMIT, (count, max(1, self.network.connections)))
        seeds = episode_seeds(self.seed, Stream.RANDOM_EPISODES, count)
        returns = self._play(weights, Trial(seeds[:, None])).returns[0]
        described = f"each of U(-{LIMIT:g}, {LIMIT:g}), new in each episode"
        return self._report("random", returns.reshape(1, -1), described)

    def shared(self) -> Score:
        """One weight on all connections, over the midpoints of equal parts of [-2, 2]."""
        weights, returns = self.response()
        return self._report("shared", returns, f"{len(weights)} midpoints of [-{LIMIT:g}, {LIMIT:g}]")

    def response(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns at each of the shared weights, in episodes of its own.

        Returns:
            The weights float64[weights], and the returns float64[weights, episodes].
        """
        weights, episodes = midpoints(self.budget.shared_weights), self.budget.shared_episodes
        seeds = episode_seeds(self.seed, Stream.SHARED_EPISODES, len(weights) * episodes)
        return weights, self._play(weights, Trial(seeds.reshape(-1, episodes))).returns[0]

    def sweep(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns of all shared values that the best is chosen of: (weights, float64[weights, episodes]).

        Raises:
            BadInput: none of them is finite.
        """
        if self._swept is None:
            trial = self._trial(Stream.TUNING_EPISODES, self.budget.sweep_episodes)
            self._swept = self._play(TUNED_OVER, trial).returns[0]
            if not np.isfinite(self._swept).any():
                raise BadInput(
                    f"no episode of {self._swept.size:,}, at any shared weight, has a finite return"
                )
        return TUNED_OVER, self._swept

    def best_shared_weight(self) -> float:
        """The shared value that earns most: a sweep on few episodes, a final on more.

        80 values from -2 to 2 in steps of 0.05 without 0; ties go to the smaller |w|.
        """
        if self._best_shared is None:
            values, returns = self.sweep()
            finalists = np.sort(_best_first(returns)[: self.budget.finalists])
            trial = self._trial(Stream.FINAL_TUNING_EPISODES, self.budget.final_episodes)
            best = _best_first(self._play(values[finalists], trial).returns[0])[0]
            self._best_shared = float(values[finalists[best]])
        return self._best_shared

    def tuned_shared(self) -> Score:
        """The best shared weight, on fresh episodes."""
        value = self.best_shared_weight()
        trial = self._trial(Stream.TUNED_SHARED_EPISODES, self.budget.report)
        returns = self._play(np.array([value]), trial).returns[0]
        return self._report("tuned-shared", returns, f"shared {value:g}", value)

    def tuned(self) -> Score:
        """Every connection trained from the best shared weight, on fresh episodes."""
        trial = self._trial(Stream.TUNED_EPISODES, self.budget.report)
        returns = self._play(self._train()[None, :], trial).returns[0]
        return self._report("tuned", returns, "each trained by CMA-ES")

    def trained(
        self,
        show: Callable[[int, int, float], None] | None = None,
        before: Sequence[NDArray[np.float64]] = (),
        keep: Callable[[Sequence[NDArray[np.float64]]], None] | None = None,
    ) -> Network:
        """The network with trained weights, and the shared value that they started from.

        See ``train_weights`` for the arguments.
        """
        return self.network.with_weights(self._train(show, before, keep), self.best_shared_weight())

    def _train(
        self,
        show: Callable[[int, int, float], None] | None = None,
        before: Sequence[NDArray[np.float64]] = (),
        keep: Callable[[Sequence[NDArray[np.float64]]], None] | None = None,
    ) -> NDArray[np.float64]:
        start = self.best_shared_weight()
        return train_weights(
            self.network, self._evaluator, start, self.seed, self._tuning, show=show, before=before, keep=keep
        )

    def _trial(self, stream: Stream, episodes: int) -> Trial:
        return Trial(episode_seeds(self.seed, stream, episodes))

    def _play(self, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        return self._evaluator.evaluate(self.network.batch, weights, trial).checked()

    def _report(
        self,
        condition: str,
        returns: NDArray[np.float64],
        weights: str,
        weight: float | None = None,
    ) -> Score:
        return Score.of(
            condition,
            returns,
            weights=weights,
            seed=self.seed,
            weight=weight,
            threshold=self._threshold,
            stepping=self._stepping,
        )


def mean_of(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means float64[weights] over the finite of float64[weights, episodes]; -inf where there is none."""
    sound = np.isfinite(returns)
    means = np.where(sound, returns, 0.0).sum(axis=1) / np.maximum(sound.sum(axis=1), 1)
    means[~sound.any(axis=1)] = -np.inf
    return np.asarray(means)


def _best_first(returns: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of weights from best to worst mean return; ties in the order given."""
    with np.errstate(invalid="ignore"):
        means = returns.mean(axis=1)
    return np.argsort(-np.where(np.isfinite(means), means, -np.inf), kind="stable")
