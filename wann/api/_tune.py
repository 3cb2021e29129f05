"""The verb that trains the weights of a topology: by a sweep, by CMA-ES, by gradients."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..assessment import Assessor, ImageAssessor, budget_of, tuning_of
from ..errors import BadInput
from ..evaluation import BackendSettings, make_evaluator
from ..files import array_of, write_atomically
from ..formats import render, to_document
from ..network import Network
from ..reporting import draw_weight_response
from ..runs import Checkpoint, load_checkpoint, save_checkpoint
from ..streams import check_seed
from ..tasks import ClassificationTask, ControlTask, task_for
from ..training import GradientSettings, TuningSettings

__all__ = ["METHODS", "tune"]

METHODS: Final = ("shared", "cma", "gradient")
_KEEP_SECONDS: Final = 2.0


def _quiet(*_: object) -> None:
    """Show nothing."""


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
    show: Callable[[int, int, float], None] = _quiet,
    curve: Path | None = None,
    progress: Path | None = None,
) -> Network:
    """The network with the best shared weight, or with a weight of its own for each connection.

    Args:
        network: the topology.
        task: an environment or a set of images; the network's own if not given.
        method: ``shared`` finds the best shared weight by a sweep; ``cma``, for any task, and
            ``gradient``, for images, train a weight for each connection from there; if not given
            what suits the task.
        iterations: of CMA-ES, or epochs of gradient descent; the method's own number if not given.
        seed: what episodes, candidates and the order of images derive from.
        stepping: what computes an environment; see ``TaskSettings``.
        episode_limit: steps after which an episode is cut; the environment's own if not given.
        workers: threads or processes; all cores if not given.
        trust: modules that the network's own task may have imported.
        show: told each iteration, how many there are, and the best mean return or the accuracy on the
            validation images.
        curve: a picture (svg, png, pdf) of the return against the shared weight, and beside it the same
            as csv; of environments alone.
        progress: a file that CMA-ES keeps its progress in and goes on from; it is gone at the end.

    Raises:
        BadInput: no such method, no task, a network that does not fit the task, or progress of another
            tuning.
    """
    check_seed(seed)
    if method not in (None, *METHODS):
        raise BadInput(f"--method {method}: accepted are {', '.join(METHODS)}")
    problem = task_for(network, task, stepping, episode_limit, trust)
    if isinstance(problem, ClassificationTask) and method != "cma":
        return _tuned_on_images(network, problem, method, iterations, seed, show)
    if method == "gradient":
        raise BadInput(f"--method gradient: {problem.id} gives no gradients; accepted are shared, cma")
    settings = tuning_of(problem, iterations)
    with make_evaluator(problem, BackendSettings(workers=workers)) as evaluator:
        assessor = Assessor(network, evaluator, seed, budget_of(problem), settings)
        best = assessor.best_shared_weight()
        if curve is not None:
            _draw_sweep(assessor, problem.id, curve, best)
        if method == "shared":
            return network.with_weights(None, best)
        if progress is None:
            return assessor.trained(show)
        kept = _Progress(progress, _digest(network, problem, settings, seed), settings.iterations)
        trained = assessor.trained(show, kept.before, kept.keep)
        progress.unlink(missing_ok=True)
        return trained


def _tuned_on_images(
    network: Network,
    problem: ClassificationTask,
    method: str | None,
    iterations: int | None,
    seed: int,
    show: Callable[[int, int, float], None],
) -> Network:
    training = GradientSettings() if iterations is None else GradientSettings(epochs=iterations)
    assessor = ImageAssessor(network, problem, seed, training=training)
    if method == "shared":
        return network.with_weights(None, assessor.best_shared_weight())
    return assessor.trained(show)


def _draw_sweep(assessor: Assessor, task: str, path: Path, best: float) -> None:
    """Draw and write the return at each of the shared weights that the best was chosen of."""
    weights, returns = assessor.sweep()
    returns = np.where(np.isfinite(returns), returns, np.nan)  # a gap in the curve
    mean, std = returns.mean(axis=1), returns.std(axis=1, ddof=1 if returns.shape[1] > 1 else 0)
    title = f"{task}: {assessor.network.connections} connections, {returns.shape[1]} episodes a weight"
    draw_weight_response(weights, mean, std, path, title=title, trained=(), chosen=best)
    order = np.argsort(weights)
    rows = [f"{weights[place]:g},{mean[place]},{std[place]},{returns.shape[1]}\n" for place in order]
    write_atomically(path.with_suffix(".csv"), ("weight,mean,std,episodes\n" + "".join(rows)).encode())


def _digest(
    network: Network, problem: ControlTask | ClassificationTask, settings: TuningSettings, seed: int
) -> NDArray[np.uint8]:
    """What a tuning's course depends on, as 32 bytes; its length may differ."""
    about = [render(to_document(network)), problem.id, repr(sorted(problem.settled.items())), str(seed)]
    about.append(settings.changed(iterations=1).model_dump_json())
    return np.frombuffer(hashlib.sha256("\n".join(about).encode()).digest(), np.uint8)


class _Progress:
    """What the candidates of CMA-ES have earned so far, in a file."""

    def __init__(self, path: Path, digest: NDArray[np.uint8], iterations: int) -> None:
        self.before: list[NDArray[np.float64]] = []
        self._path, self._digest = path, digest
        self._saved = time.perf_counter()
        if path.exists():
            self.before = self._read(iterations)

    def _read(self, iterations: int) -> list[NDArray[np.float64]]:
        arrays = load_checkpoint(self._path).arrays
        try:
            digest = array_of(arrays, "digest", np.uint8, (len(self._digest),))
            earned = array_of(arrays, "earned", np.float64, (None, None))
        except BadInput as error:
            raise BadInput(f"{self._path}: no progress of a tuning ({error}); remove the file") from None
        if not np.array_equal(digest, self._digest):
            raise BadInput(
                f"{self._path}: the progress of another tuning; finish that one, or remove the file"
            )
        if not np.isfinite(earned).all():
            raise BadInput(f"{self._path}: no progress of a tuning (a mean is not finite); remove the file")
        return list(earned[:iterations])

    def keep(self, earned: Sequence[NDArray[np.float64]]) -> None:
        """Write the file, unless that was a moment ago."""
        if time.perf_counter() - self._saved < _KEEP_SECONDS:
            return
        arrays: dict[str, NDArray[np.generic]] = {"digest": self._digest, "earned": np.array(earned)}
        save_checkpoint(self._path, Checkpoint(len(earned), arrays))
        self._saved = time.perf_counter()
