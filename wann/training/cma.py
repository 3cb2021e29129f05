"""Training the weights of a fixed topology by CMA-ES (Hansen 2016), through pycma."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..evaluation import Evaluator
from ..network import Network
from ..settings import Settings
from ..streams import Stream, episode_seeds, generator
from ..tasks import Trial, mean_over_episodes

__all__ = ["TuningSettings", "train_weights"]

_NOTHING: Final = -1e30


class TuningSettings(Settings):
    """How long and how wide weights are searched.

    Attributes:
        iterations: generations of CMA-ES.
        episodes: episodes for each candidate, new in each iteration and the same for all.
        step: first standard deviation of each weight.
        final_episodes: selection episodes that decide between the means of the last iterations.
    """

    iterations: Annotated[int, Field(ge=1, le=1_000_000)] = 400
    episodes: Annotated[int, Field(ge=1, le=100_000)] = 24
    step: Annotated[float, Field(gt=0.0, le=100.0)] = 0.3
    final_episodes: Annotated[int, Field(ge=1, le=1_000_000)] = 240


def train_weights(
    network: Network,
    evaluator: Evaluator,
    start: float,
    seed: int,
    settings: TuningSettings,
    *,
    show: Callable[[int, int, float], None] | None = None,
    before: Sequence[NDArray[np.float64]] = (),
    keep: Callable[[Sequence[NDArray[np.float64]]], None] | None = None,
) -> NDArray[np.float64]:
    """Search a weight for each connection, starting from ``start`` on all of them.

    What counts in the end are fresh selection episodes, on which the start itself competes: training
    never makes it worse there.

    Args:
        network: the topology.
        evaluator: where candidates are played.
        start: the value that all weights begin with.
        seed: what episodes and candidates derive from.
        settings: how long and how wide.
        show: told each iteration, how many there are, and its best mean return.
        before: what the candidates of earlier iterations earned, float64[candidates] each: these
            iterations are gone through without playing, which brings the search to where it was.
        keep: told after each iteration what the candidates of all of them earned.

    Returns:
        float64[connections].
    """
    count = network.connections
    if count == 0:
        return np.zeros(0)
    started = np.full(count, start)
    finalists = [started]
    strategy = _strategy(started, seed, settings)
    earned = list(before)
    for iteration in range(settings.iterations):
        candidates = strategy.ask()
        if iteration == len(earned):
            seeds = episode_seeds(seed, Stream.TRAINING, settings.episodes, iteration)
            earned.append(_means(network, evaluator, np.array(candidates), seeds))
            if keep is not None:
                keep(earned)
        returns = earned[iteration]
        strategy.tell(candidates, (-returns).tolist())
        if show is not None:
            show(iteration, settings.iterations, float(returns.max()))
        if (iteration + 1) % max(1, settings.iterations // 8) == 0:
            finalists.append(np.array(strategy.mean))
        if strategy.stop():
            break
    finalists.append(np.array(strategy.mean))
    seeds = episode_seeds(seed, Stream.TRAINING_EPISODES, settings.final_episodes)
    trained = np.array(finalists)
    return np.asarray(trained[int(np.argmax(_means(network, evaluator, trained, seeds)))])


def _means(
    network: Network, evaluator: Evaluator, weights: NDArray[np.float64], seeds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean return of each row of weights; what is not finite earns less than anything else."""
    means = mean_over_episodes(evaluator.evaluate(network.batch, weights, Trial(seeds)).checked())[0]
    return np.where(np.isfinite(means), means, _NOTHING)


def _strategy(start: NDArray[np.float64], seed: int, settings: TuningSettings) -> Any:
    import cma  # noqa: PLC0415 - slow to import, and only tuning needs it

    rng = generator(seed, Stream.TRAINING)
    options = {
        # pycma draws from numpy's global generator unless it is given another.
        "randn": lambda *shape: rng.standard_normal(shape),
        "seed": np.nan,
        "verbose": -9,
        "tolfun": 0,  # returns are noisy: a flat stretch is no reason to stop
        "tolflatfitness": settings.iterations + 1,
        "tolstagnation": settings.iterations + 1,
        "maxiter": settings.iterations,
    }
    return cma.CMAEvolutionStrategy(start, settings.step, options)
