"""The verbs of the command line as Python functions: search, evaluate, tune, show, take away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .comparison import frontier
from .config import Config, load_config
from .errors import BadInput
from .evaluation import BackendSettings, make_evaluator
from .experiment import Progress, resume_search, start_search
from .experiment import resume_command as command
from .files import read_toml
from .formats import export_network, load_network, load_out
from .formats import save as save_network
from .judging import evaluate, film
from .network import Network
from .reporting import check_film, draw_topology, report_run
from .runs import RunFolder, fresh_folder
from .shrinking import Shrunk, shrink
from .tasks import DATA_SETS, make_task, names_of, needed_extra, registered_tasks, side_of
from .training import tune
from .trust import BY_HAND, Trust

if TYPE_CHECKING:
    from .pruning import PruneConfig
    from .pruning.run import Progress as RoundsProgress

__all__ = [
    "Shrunk",
    "check_film",
    "evaluate",
    "export",
    "film",
    "frontier",
    "import_out",
    "load",
    "needs",
    "prune",
    "prunes",
    "read_config",
    "read_prune_config",
    "report",
    "resume",
    "resume_command",
    "resume_pruning",
    "run_folder",
    "save",
    "search",
    "show",
    "shrink",
    "tasks",
    "tune",
]


def _quiet(*_: object) -> None:
    """Show nothing."""


def _never() -> bool:
    """Never stop."""
    return False


def read_config(
    path: Path | str,
    changes: Sequence[str] = (),
    *,
    seed: int | None = None,
    generations: int | None = None,
    backend: str | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> Config:
    """Read a TOML configuration and apply changes to it.

    Args:
        path: the file.
        changes: ``key=value`` with dotted keys, such as ``search.population=64``.
        seed: overrides ``seed``.
        generations: overrides ``search.generations``.
        backend: overrides ``backend.kind``.
        workers: overrides ``backend.workers``.
        address: overrides ``backend.address``; an address means the ray backend.

    Raises:
        BadInput: an unknown key or a bad value; the message names it and what is accepted.
    """
    given = {
        "seed": seed,
        "search.generations": generations,
        "backend.kind": backend or (address and "ray"),
        "backend.workers": workers,
        "backend.address": address,
    }
    overrides = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    return load_config(Path(path), [*changes, *overrides])


@contextmanager
def run_folder(given: Path | str | None, name: str, seed: int) -> Iterator[Path]:
    """The folder that is given, or a fresh one such as ``results/runs/NAME-seed3-1``, nobody else's.

    A fresh one is gone again if nothing was put into it.

    Raises:
        BadInput: a fresh one cannot be made.
    """
    if given is not None:
        yield Path(given)
        return
    path = fresh_folder(name, seed)
    try:
        yield path
    finally:
        with suppress(OSError):  # there is something in it
            path.rmdir()


def search(
    config: Config | Path | str,
    *,
    run: Path | str | None = None,
    show: Callable[[Progress], None] = _quiet,
    stop: Callable[[], bool] = _never,
    tell: Callable[[str], None] = _quiet,
) -> bool:
    """Search for a network and keep everything in a run folder.

    Args:
        config: a configuration, or the path of one.
        run: the folder, new or empty; a fresh one under results/runs if not given.
        show: told the progress after each generation.
        stop: asked before each generation whether to stop; the checkpoint is kept.
        tell: told in a sentence of workers and networks that are lost.

    Returns:
        Whether the search came to its end.

    Raises:
        BadInput: the configuration or the folder cannot be used.
        Failure: the folder could not be written any more, or no worker was left.
    """
    settings = config if isinstance(config, Config) else read_config(config)
    name = settings.task.id if isinstance(config, Config) else Path(config).stem
    task = make_task(settings.task, trust=BY_HAND)
    with (
        make_evaluator(task, settings.backend, tell) as evaluator,
        run_folder(run, name, settings.seed) as folder,
        start_search(settings, folder, task, tell) as experiment,
    ):
        done = experiment.run(evaluator, show, stop, tell)
        if done:
            report_run(experiment.folder)
    return done


def resume(
    run: Path | str,
    *,
    generations: int | None = None,
    backend: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    trust: Sequence[str] = (),
    show: Callable[[Progress], None] = _quiet,
    stop: Callable[[], bool] = _never,
    tell: Callable[[str], None] = _quiet,
) -> bool:
    """Go on with an interrupted search, or with more generations in all; see ``search``.

    Where it is computed is what the run's configuration says, with what is given here changed. Two things a
    file does not decide: which module is imported, and which cluster is joined, since a cluster can have
    anything run here. ``trust`` names modules, ``address`` the cluster.
    """

    def moved(before: BackendSettings) -> BackendSettings:
        after = before.elsewhere(backend, workers, address)
        if after.address not in (None, "auto", address):
            raise BadInput(
                f"{run}: backend.address is {after.address}, and no file may choose a cluster to join; give "
                f"--ray-address {after.address}, or --backend local"
            )
        return after

    with (
        resume_search(Path(run), generations, moved, Trust.of(trust), tell) as (experiment, task),
        make_evaluator(task, experiment.config.backend, tell) as evaluator,
    ):
        done = experiment.run(evaluator, show, stop, tell)
        if done:
            report_run(experiment.folder)
    return done


def resume_command(run: Path | str) -> str:
    """The command that goes on with a run."""
    if prunes(run):
        return f"wann resume {run}"
    return command(Path(run), load_config(RunFolder.existing(Path(run)).config))


def read_prune_config(
    path: Path | str, changes: Sequence[str] = (), *, seed: int | None = None
) -> PruneConfig:
    """Read the configuration of a pruning run and apply changes to it; see ``read_config``.

    Raises:
        BadInput: an unknown key or a bad value, or PyTorch is not installed.
    """
    from .pruning import load_prune_config  # noqa: PLC0415 - PyTorch is an extra

    return load_prune_config(Path(path), [*changes, *([] if seed is None else [f"seed={seed}"])])


def prune(
    config: PruneConfig | Path | str,
    *,
    run: Path | str | None = None,
    show: Callable[[RoundsProgress], None] = _quiet,
    stop: Callable[[], bool] = _never,
    tell: Callable[[str], None] = _quiet,
) -> bool:
    """Train a dense network, prune it in rounds, and keep everything in a run folder.

    Args:
        config: a configuration, or the path of one.
        run: the folder, new or empty; a fresh one under results/runs if not given.
        show: told where the run stands.
        stop: asked every now and then whether to stop; whole rounds are kept.
        tell: told in a sentence if the folder cannot be locked.

    Returns:
        Whether the run came to its end.

    Raises:
        BadInput: the configuration or the folder cannot be used, or PyTorch is not installed.
        Failure: the folder could not be written any more.
    """
    from .pruning import PruningRun  # noqa: PLC0415

    settings = read_prune_config(config) if isinstance(config, Path | str) else config
    name = Path(config).stem if isinstance(config, Path | str) else f"prune-{settings.data.name}"
    with run_folder(run, name, settings.seed) as folder, PruningRun.start(settings, folder, tell) as begun:
        return begun.run(show, stop)


def prunes(run: Path | str) -> bool:
    """Whether a run folder is of pruning, not of a search.

    Raises:
        BadInput: no run folder, one of which a part is a link, or a configuration that is not TOML.
    """
    folder = RunFolder.existing(Path(run))
    return read_toml(folder.config).get("kind") == "prune"


def resume_pruning(
    run: Path | str,
    *,
    show: Callable[[RoundsProgress], None] = _quiet,
    stop: Callable[[], bool] = _never,
    tell: Callable[[str], None] = _quiet,
) -> bool:
    """Go on with an interrupted pruning run after its last whole round; see ``prune``."""
    from .pruning import PruningRun  # noqa: PLC0415

    with PruningRun.resume(Path(run), tell) as going_on:
        return going_on.run(show, stop)


def load(path: Path | str) -> Network:
    """Read a network from network JSON, or the champion of a run folder.

    Raises:
        BadInput: it is neither.
    """
    return load_network(Path(path))


def save(network: Network, path: Path | str) -> None:
    """Write network JSON.

    Raises:
        BadInput: a folder that is not there.
        Failure: the file cannot be written.
    """
    save_network(network, Path(path))


def show(network: Network, path: Path | str, *, trust: Sequence[str] = ()) -> None:
    """Draw the topology as svg, png, pdf or html, by the file's suffix.

    Args:
        network: what is drawn.
        path: the file.
        trust: modules that the network's task may have imported, for the names of inputs and outputs.

    Raises:
        BadInput: another suffix, or a file that cannot be written.
    """
    inputs, outputs = None, None
    allowed = Trust.of(trust)
    if network.task is not None:
        # A picture needs no task: where it is not to be had, numbers serve as names.
        with suppress(BadInput):
            inputs, outputs = names_of(network.task, network.interface, allowed)
    draw_topology(
        network,
        Path(path),
        input_names=inputs,
        output_names=outputs,
        side=side_of(network.task, network.inputs),
    )


def report(run: Path | str) -> Path:
    """Draw a run's pictures and write its page; returns the page's path.

    All it needs stands in the folder: no environment is made. A search may go on in it meanwhile.

    Raises:
        BadInput: no run folder, or one without metrics.
    """
    if prunes(run):
        raise BadInput(
            f"{run}: a pruning run; its picture is in figures/, and `wann frontier {run}` compares it"
        )
    return report_run(RunFolder.existing(Path(run)))


def export(network: Network, path: Path | str, format_name: str) -> list[Path]:
    """Write a network in another format; returns the files written.

    Raises:
        BadInput: no such format, or a file that cannot be written.
    """
    return export_network(network, Path(path), format_name)


def import_out(
    path: Path | str,
    inputs: int,
    outputs: int,
    *,
    weights: Path | str | None = None,
    weight_bias: float = 0.0,
    task: str | None = None,
) -> Network:
    """Read a network in the published ``.out`` format, with the weights of its ``.wann.json``.

    Raises:
        BadInput: a damaged file, or one that does not fit.
    """
    return load_out(
        Path(path), inputs, outputs, None if weights is None else Path(weights), weight_bias, task
    )


def tasks() -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """What can be solved here: names of inputs and outputs by the name of the task."""
    return {name: names_of(name) for name in registered_tasks()}


def needs(task: str) -> str:
    """What a task needs beside the package."""
    if task in DATA_SETS:
        return "nothing more" if task == "digits" else "a download, or WANN_DATA"
    extra = needed_extra(task)
    return "nothing more" if extra is None else f"pip install 'wann[{extra}]'"
