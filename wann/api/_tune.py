"""The verb that tunes the weights of a topology: one shared weight, or a weight for each connection."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ..assessment import assessor_type, make_assessor, tuning_of
from ..errors import BadInput
from ..formats import render, to_document
from ..network import Network
from ..reporting import draw_sweep
from ..streams import check_seed
from ..tasks import Factory, Task, task_for
from ..training import TuningProgress, TuningSettings
from ._callbacks import quiet

__all__ = ["METHODS", "tune"]

METHODS: Final = ("shared", "cma", "gradient")


def tune(
    network: Network,
    *,
    task: str | None = None,
    method: str | None = None,
    iterations: int | None = None,
    seed: int = 0,
    stepping: str | None = None,
    episode_limit: int | None = None,
    workers: int | None = None,
    trust: Sequence[str] = (),
    environment: Factory | None = None,
    show: Callable[[int, int, float], None] = quiet,
    curve: Path | None = None,
    progress: Path | None = None,
) -> Network:
    """The network with its best shared weight, or with a trained weight for each connection.

    Args:
        network: the topology.
        task: an environment or a set of images; the network's own task if None.
        method: ``shared`` finds the best shared weight by a sweep; ``cma``, for any task, and
            ``gradient``, for images, train a weight for each connection from there. If None,
            ``gradient`` for images and ``cma`` for environments.
        iterations: of CMA-ES, or epochs of gradient descent; the method's own number if None.
        seed: from which episodes, candidates and the order of images derive.
        stepping: what computes an environment; see ``ControlSettings``.
        episode_limit: steps after which an episode is truncated; the environment's own limit if None.
        workers: threads or processes; all cores if None.
        trust: modules that the network's own task may import.
        environment: a callable that returns a Gymnasium environment, instead of a task.
        show: called after each iteration with its index, the number of iterations, and the best mean
            return or the validation accuracy.
        curve: a picture (svg, png, pdf) of the return against the shared weight, and the same values as csv
            beside it; for environments only.
        progress: a file from which CMA-ES resumes after an interruption; removed at the end.

    Raises:
        BadInput: an unknown method, no task, a network that does not fit the task, or the progress of
            another tuning.
    """
    check_seed(seed)
    if method not in (None, *METHODS):
        raise BadInput(f"{method}; accepted are {', '.join(METHODS)}", argument="method")
    problem = task_for(network, task, stepping, episode_limit, trust, environment)
    methods = assessor_type(problem).methods
    method = method or methods[0]
    if method not in methods:
        raise BadInput(
            f"{method}: {problem.id} has no gradients; accepted are {', '.join(methods)}", argument="method"
        )
    kept = None
    if progress is not None and method == "cma":
        settings = tuning_of(problem, iterations)
        kept = TuningProgress(progress, _digest(network, problem, settings, seed), settings.iterations)
    with make_assessor(network, problem, seed=seed, iterations=iterations, workers=workers) as assessor:
        if curve is not None and (sweep := assessor.sweep()) is not None:
            title = f"{problem.id}: {network.connections} connections"
            draw_sweep(*sweep, curve, title=title, chosen=assessor.best_shared_weight())
        tuned = assessor.train(method, show=show, progress=kept)
    if kept is not None:
        kept.remove()
    return tuned


def _digest(network: Network, problem: Task, settings: TuningSettings, seed: int) -> bytes:
    """A digest of everything that a tuning's candidates depend on; the number of iterations is not."""
    parts = [render(to_document(network)), problem.id, repr(sorted(problem.resolved.items())), str(seed)]
    parts.append(settings.changed(iterations=1).model_dump_json())
    return hashlib.sha256("\n".join(parts).encode()).digest()
