"""The verbs that begin a search and resume one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import BadInput
from ..evaluation import BackendSettings, make_evaluator
from ..experiment import Config, Progress, load_config, resume_search, start_search
from ..reporting import report_run
from ..runs import RunFolder
from ..tasks import Factory, make_task, name_of_factory
from ..trust import BY_HAND, Trust, module_named
from ._callbacks import never, quiet
from ._folders import prunes, run_folder

__all__ = ["read_config", "resume", "resume_needs", "search"]


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


def search(
    config: Config | Path | str,
    *,
    run: Path | str | None = None,
    environment: Factory | None = None,
    show: Callable[[Progress], None] = quiet,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> bool:
    """Search for a network, and keep everything in a run folder.

    Args:
        config: a configuration, or the path of one.
        run: a new or empty folder; by default a fresh one under results/runs.
        environment: a callable that returns a Gymnasium environment, instead of the id in the configuration;
            no file holds it, so that whatever meets the run or its champion later must be given it again.
        show: called with the progress after each generation.
        stop: called before each generation; True ends the search, whose checkpoint is kept.
        tell: called with a sentence about workers and networks that are lost.

    Returns:
        Whether the search is finished.

    Raises:
        BadInput: the configuration or the folder cannot be used.
        Failure: the folder could not be written any more, or no worker was left.
    """
    settings = config if isinstance(config, Config) else read_config(config)
    if environment is not None:
        settings = settings.changed(task=settings.task.changed(id=name_of_factory(environment)))
    name = settings.task.id if isinstance(config, Config) else Path(config).stem
    task = make_task(settings.task, trust=BY_HAND, factory=environment)
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
    environment: Factory | None = None,
    show: Callable[[Progress], None] = quiet,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> bool:
    """Resume an interrupted search, or extend one to more generations; see ``search``.

    The backend is that of the run's configuration unless it is given here. Two things are never taken from
    a file: which module is imported (``trust``), and which cluster is joined (``address``), since a cluster
    can run anything on this machine. A third is in no file: the callable that the search was given as
    ``environment``.
    """

    def moved(before: BackendSettings) -> BackendSettings:
        after = before.elsewhere(backend, workers, address)
        if after.address not in (None, "auto", address):
            raise BadInput(
                f"{after.address}: {run} names this cluster, and no file may choose one to join; give it "
                "here, or the backend local",
                argument="address",
            )
        return after

    with (
        resume_search(Path(run), generations, moved, Trust.of(trust), tell, environment) as (
            experiment,
            task,
        ),
        make_evaluator(task, experiment.config.backend, tell) as evaluator,
    ):
        done = experiment.run(evaluator, show, stop, tell)
        if done:
            report_run(experiment.folder)
    return done


def resume_needs(run: Path | str) -> dict[str, list[str]]:
    """The arguments that ``resume`` needs for a run, since its folder alone may not decide them.

    Returns:
        ``trust``: the modules of the task and its wrappers; ``address``: the cluster; each only where there
        is one.

    Raises:
        BadInput: no run folder, or a damaged configuration.
    """
    if prunes(run):
        return {}
    config = load_config(RunFolder.existing(Path(run)).config)
    names = [config.task.id, *getattr(config.task, "wrappers", ())]
    modules = dict.fromkeys(module for module in map(module_named, names) if module)
    needs = {"trust": list(modules), "address": [config.backend.address] if config.backend.address else []}
    return {name: values for name, values in needs.items() if values}
