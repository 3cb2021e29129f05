"""The best network of a search's last generation, by more episodes than the search could spend on each.

    python results/control/choose.py RUN -o FILE

The first 40 of the generation, elites before children, meet one episode at each of 40 midpoints of [-2, 2],
a quarter of them two, and so on until three are left, which meet eight. No search, selection or report meets
these episodes; their reward is the environment's own, with that of the last step.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wann import api
from wann.assessment import midpoints
from wann.evaluation import LocalEvaluator
from wann.evolution import Search
from wann.experiment import load_config
from wann.network import Network, compile_population
from wann.runs import RunFolder
from wann.tasks import Task, Trial, make_task

_FIRST: Final = 40
_WEIGHTS: Final = 40
_MOST_EPISODES: Final = 8
_SEEDS: Final = 5_000_000


def restored(run: Path) -> tuple[Search, Task]:
    """The search in a folder as its last checkpoint has it, elites first, and its task."""
    folder = RunFolder.existing(run)
    config, checkpoint = load_config(folder.config), folder.newest_checkpoint()
    assert checkpoint is not None
    task = make_task(config.task.model_copy(update={"terminal_reward": True}))
    shape = task.inputs, task.outputs
    search = Search.restore(
        config.search, config.mutation, config.seed, checkpoint.generation, checkpoint.arrays, shape
    )
    return search, task


def best(search: Search, task: Task) -> tuple[int, float]:
    """Index of the network that is left, and its mean return."""
    left: NDArray[np.int64] = np.arange(_FIRST)
    episodes = 1
    with LocalEvaluator(task, 1) as evaluator:
        while True:
            seeds = _SEEDS + 1000 * episodes + np.arange(_WEIGHTS * episodes).reshape(_WEIGHTS, episodes)
            batch = compile_population(search.population.take(left))
            outcome = evaluator.evaluate(batch, midpoints(_WEIGHTS), Trial(seeds)).checked()
            means = outcome.returns.mean(axis=(1, 2))
            order = np.argsort(-means, kind="stable")
            sys.stderr.write(f"{episodes} episodes: {np.round(means[order], 1).tolist()}\n")
            if episodes == _MOST_EPISODES:
                return int(left[order[0]]), float(means[order[0]])
            left, episodes = left[order[: max(3, len(left) // 4)]], 2 * episodes


def main() -> None:
    """Choose and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    search, task = restored(given.run)
    index, mean = best(search, task)
    provenance = {
        "seed": search.seed,
        "generation": search.generation,
        "selection_mean": mean,
        "selection_episodes": _WEIGHTS * _MOST_EPISODES,
    }
    network = Network.of_genome(
        search.population, index, task=task.id, provenance=provenance, interface=task.interface
    )
    api.save(network, given.output)


if __name__ == "__main__":
    main()
