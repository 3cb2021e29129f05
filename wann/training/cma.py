"""Training the weights of a fixed topology by CMA-ES (Hansen 2016), through pycma."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..evaluation import Evaluator
from ..network import Network
from ..settings import Settings
from ..streams import Stream, episode_seeds, generator
from ..tasks import Trial, mean_over_episodes
from .progress import TuningProgress

__all__ = ["TuningSettings", "train_weights"]

_WORST: Final = -1e30  # instead of a mean that is not finite


class TuningSettings(Settings):
    """Length and width of a search for weights.

    Attributes:
        iterations: generations of CMA-ES.
        episodes: episodes for each candidate, new in each iteration and the same for all candidates.
        step: initial std of each weight.
        final_episodes: selection episodes that decide between the distribution means of some iterations.
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
    progress: TuningProgress | None = None,
) -> NDArray[np.float64]:
    """Search for a weight of each connection, starting from ``start`` on all of them.

    The start and the distribution means of some iterations are compared on fresh selection episodes at the
    end, so that on these training never makes the network worse.

    Args:
        network: the topology.
        evaluator: evaluates the candidates.
        start: initial value of all weights.
        seed: of episodes and candidates.
        settings: length and width of the search.
        show: called after each iteration with its index, the number of iterations and its best mean return.
        progress: iterations that it holds are repeated without evaluation, which restores the state of the
            search; it receives the mean returns of further iterations.

    Returns:
        float64[connections].
    """
    count = network.connections
    if count == 0:
        return np.zeros(0)
    initial = np.full(count, start)
    finalists = [initial]
    strategy = _strategy(initial, seed, settings)
    means = list(progress.means) if progress else []
    for iteration in range(settings.iterations):
        candidates = strategy.ask()
        if iteration == len(means):
            seeds = episode_seeds(seed, Stream.TRAINING, settings.episodes, iteration)
            means.append(_means(network, evaluator, np.array(candidates), seeds))
            if progress:
                progress.save(means)
        returns = means[iteration]
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
    """Mean return of each row of weights; one that is not finite counts as the worst."""
    means = mean_over_episodes(evaluator.evaluate(network.batch, weights, Trial(seeds)).checked())[0]
    return np.where(np.isfinite(means), means, _WORST)


def _strategy(start: NDArray[np.float64], seed: int, settings: TuningSettings) -> Any:
    import cma  # noqa: PLC0415 - slow to import, and only tuning needs it

    rng = generator(seed, Stream.TRAINING)
    options = {
        # By default pycma draws from numpy's global generator.
        "randn": lambda *shape: rng.standard_normal(shape),
        "seed": np.nan,
        "verbose": -9,
        "tolfun": 0,  # returns are noisy: equal ones are no reason to stop
        "tolflatfitness": settings.iterations + 1,
        "tolstagnation": settings.iterations + 1,
        "maxiter": settings.iterations,
    }
    return cma.CMAEvolutionStrategy(start, settings.step, options)
