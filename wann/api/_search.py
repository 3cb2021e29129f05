"""The verbs that begin a search and resume one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..evaluation import BackendSettings, make_evaluator
from ..experiment import Config, Progress, load_config, resume_search, start_search
from ..presets import configuration
from ..reporting import report_run
from ..runs import RunFolder
from ..tasks import make_task
from ..trust import BY_HAND, Trust, module_named
from ._callbacks import never, quiet
from ._folders import prunes, run_folder

__all__ = ["read_config", "resume", "resume_needs", "search"]


def read_config(
    config: Path | str | Mapping[str, Any],
    changes: Sequence[str] = (),
    *,
    seed: int | None = None,
    generations: int | None = None,
    backend: str | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> Config:
    """Read a configuration and apply changes to it.

    Args:
        config: the name of a preset, such as ``"swingup"``, a TOML file, or a document with the keys of such
            a file: ``{"task": {"id": "CartPole-v1"}, "search": {"population": 64}}``.
        changes: ``key=value`` with dotted keys, such as ``search.population=64``.
        seed: overrides ``seed``.
        generations: overrides ``search.generations``.
        backend: overrides ``backend.kind``.
        workers: overrides ``backend.workers``.
        address: overrides ``backend.address``; an address means the ray backend.

    Raises:
        BadInput: an unknown key or a bad value; the message names it and what is accepted.
    """
    given: dict[str, dict[str, Any]] = {
        "seed": {"seed": seed},
        "generations": {"search.generations": generations},
        "backend": {"backend.kind": backend or (address and "ray")},
        "workers": {"backend.workers": workers},
        "address": {"backend.address": address},
    }
    overrides = {
        argument: [f"{key}={json.dumps(value)}" for key, value in keys.items() if value is not None]
        for argument, keys in given.items()
    }
    return load_config(configuration(config, "search"), changes, overrides)


def search(
    config: Config | Path | str,
    *,
    run: Path | str | None = None,
    show: Callable[[Progress], None] = quiet,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> bool:
    """Search for a network, and keep everything in a run folder.

    Args:
        config: a configuration, or the path of one.
        run: a new or empty folder; by default a fresh one under results/runs.
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
    show: Callable[[Progress], None] = quiet,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> bool:
    """Resume an interrupted search, or extend one to more generations; see ``search``.

    The backend is that of the run's configuration unless it is given here. Two things are never taken from
    a file: which module is imported (``trust``), and which cluster is joined (``address``), since a cluster
    can run anything on this machine.
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
        resume_search(Path(run), generations, moved, Trust.of(trust), tell) as (experiment, task),
        make_evaluator(task, experiment.config.backend, tell) as evaluator,
    ):
        done = experiment.run(evaluator, show, stop, tell)
        if done:
            report_run(experiment.folder)
    return done


def resume_needs(run: Path | str) -> dict[str, str]:
    """The arguments that ``resume`` needs for a run, since its folder alone may not decide them.

    Returns:
        ``trust``: the module that the task is in; ``address``: the cluster; each only where there is one.

    Raises:
        BadInput: no run folder, or a damaged configuration.
    """
    if prunes(run):
        return {}
    config = load_config(RunFolder.existing(Path(run)).config)
    needs = {"trust": module_named(config.task.id), "address": config.backend.address}
    return {name: value for name, value in needs.items() if value}
