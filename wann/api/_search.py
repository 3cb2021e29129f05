"""The verbs that begin a search and resume one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import BadInput, Failure
from ..evaluation import BackendSettings, Evaluator, make_evaluator
from ..experiment import Config, Experiment, Progress, load_config, resume_search, start_search
from ..presets import configuration
from ..reporting import report_run
from ..runs import RunFolder
from ..tasks import (
    AnyTaskSettings,
    ControlSettings,
    Factory,
    Reward,
    TableSettings,
    Task,
    make_table_task,
    make_task,
    name_of_factory,
    name_of_reward,
    npz_of,
    parse_labelled,
)
from ..trust import BY_HAND, Trust, module_named, modules_within
from ._callbacks import deadline, never, quiet
from ._folders import prunes, run_folder
from ._progress import progress_line
from ._prune import read_prune_config, resume_pruning
from ._run import Run

__all__ = ["blaming_settings", "changes_of", "read_config", "resume", "resume_needs", "search"]


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
    config: Config | Mapping[str, Any] | Path | str | None = None,
    *,
    X: Any = None,  # noqa: N803 - the name that everybody uses for it
    y: Any = None,
    run: Path | str | None = None,
    minutes: float | None = None,
    environment: Factory | None = None,
    reward: Reward | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int | None = None,
    generations: int | None = None,
    backend: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    callback: Callable[[Progress], None] = quiet,
    progress: bool | None = None,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> Run:
    """Search for a network, and keep everything in a run folder.

    A search that ends before its time, by an interruption, by an exception of ``callback``, or by the
    machine, goes on with ``wann.resume(folder)``.

    Args:
        config: a configuration, as ``read_config`` takes it; for ``X`` and ``y`` the preset ``data`` if None.
        X: float[rows, features], one's own data, as an array or a ``pandas.DataFrame``, whose columns give
            the features their names. The data are kept in the run folder.
        y: int or str [rows], the class of each row.
        run: a new or empty folder; by default a fresh one under results/runs.
        minutes: the search stops after the generation in which they have passed, and can be resumed; no
            limit if not given.
        environment: a callable that returns a Gymnasium environment, instead of the id in the configuration;
            no file holds it, so that whatever meets the run or its champion later must be given it again.
        reward: what a step of an episode of the search is worth, as ``task.reward`` says, but as the function
            or the class itself; no file holds it, so that ``resume`` must be given it again.
        settings: changes to the configuration, by dotted keys: ``{"search.population": 64}``.
        seed: changes ``seed``.
        generations: changes ``search.generations``.
        backend: changes ``backend.kind``.
        workers: changes ``backend.workers``.
        address: changes ``backend.address``; an address means the ray backend.
        callback: called after each generation, with its metrics, population and champion.
        progress: whether a line shows how far it is; if None, in terminals and notebooks.
        stop: called before each generation; True ends the search, whose checkpoint is kept.
        tell: called with a sentence about workers and networks that are lost.

    Returns:
        The run: champion, metrics, front, and whether it is finished.

    Raises:
        BadInput: the configuration or the folder cannot be used.
        Failure: the folder could not be written any more, or no worker was left.
        KeyboardInterrupt: by Ctrl-C, or a notebook's interruption; a note says how to resume.
    """
    over = deadline(minutes)
    data = None
    if X is not None or y is not None:
        for argument, given in (("X", X), ("y", y)):
            if given is None:
                raise BadInput("missing; give X and y together", argument=argument)
        data, settings = npz_of(X, y), {**(settings or {}), "task.id": "data", "task.data": "data.npz"}
        config = "data" if config is None else config
    if config is None:
        raise BadInput("none given; name a preset such as 'cartpole', or give X and y", argument="config")
    with blaming_settings():
        chosen = read_config(
            config.model_dump(mode="json", exclude_none=True) if isinstance(config, Config) else config,
            changes_of(settings or {}),
            seed=seed,
            generations=generations,
            backend=backend,
            workers=workers,
            address=address,
        )
    if environment is not None:
        chosen = chosen.changed(task=chosen.task.changed(id=name_of_factory(environment)))
    if reward is not None:
        if not isinstance(chosen.task, ControlSettings):
            raise BadInput(f"{chosen.task.id} is no environment, which alone takes one", argument="reward")
        chosen = chosen.changed(task=chosen.task.changed(reward=name_of_reward(reward)))
    name = Path(config).stem if isinstance(config, Path | str) else chosen.task.id
    task = _task(chosen.task, data, environment, reward)
    with (
        make_evaluator(task, chosen.backend, tell) as evaluator,
        run_folder(run, name, chosen.seed) as folder,
        start_search(chosen, folder, task, tell, data) as experiment,
    ):
        return _finished(experiment, evaluator, over, callback, progress, stop, tell)


def _task(
    settings: AnyTaskSettings, data: bytes | None, environment: Factory | None, reward: Reward | None
) -> Task:
    if data is not None and environment is not None:
        raise BadInput("excludes X and y", argument="environment")
    if data is not None and isinstance(settings, TableSettings):
        return make_table_task(settings, parse_labelled(data))
    return make_task(settings, trust=BY_HAND, factory=environment, reward=reward)


@contextmanager
def blaming_settings() -> Iterator[None]:
    """Where ``changes`` are at fault, which ``changes_of`` made: say ``settings``, as the caller does."""
    try:
        yield
    except BadInput as error:
        error.argument = "settings" if error.argument == "changes" else error.argument
        raise


def changes_of(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Changes as ``read_config`` takes them, of settings by dotted keys; tables may be nested."""
    changes: list[str] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            changes += changes_of(value, f"{prefix}{key}.")
        else:
            shown = str(value) if isinstance(value, Path) else value
            try:
                changes.append(f"{prefix}{key}={json.dumps(shown, ensure_ascii=False)}")
            except TypeError:
                found = type(value).__name__
                raise BadInput(
                    f"{prefix}{key} is a {found}; accepted are numbers, text, lists and mappings",
                    argument="settings",
                ) from None
    return changes


def _finished(
    experiment: Experiment,
    evaluator: Evaluator,
    over: Callable[[], bool],
    callback: Callable[[Progress], None],
    progress: bool | None,  # noqa: FBT001 - handed on
    stop: Callable[[], bool],
    tell: Callable[[str], None],
) -> Run:
    """Search until the end, ``stop``, or the time is over, and draw the report unless it is stopped."""
    folder = experiment.folder
    with progress_line(folder.path, progress) as line:

        def show(state: Progress) -> None:
            line(state)
            callback(state)

        try:
            done = experiment.run(evaluator, show, lambda: stop() or over(), tell)
        except (BadInput, Failure):
            raise  # these say themselves how to resume
        except BaseException as error:
            error.add_note(f"The search is kept; resume it with wann.resume({str(folder.path)!r})")
            raise
    if done or (over() and experiment.champion() is not None):
        report_run(folder)
    return Run(folder.path, finished=done)


def resume(
    run: Path | str,
    *,
    generations: int | None = None,
    minutes: float | None = None,
    backend: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    trust: Sequence[str] = (),
    environment: Factory | None = None,
    reward: Reward | None = None,
    callback: Callable[[Any], None] = quiet,
    progress: bool | None = None,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> Run:
    """Resume an interrupted search or pruning run, or extend a search to more generations; see ``search``.

    A pruning run takes none of ``generations``, ``minutes``, ``backend``, ``workers``, ``address``,
    ``environment`` and ``reward``; its ``callback`` is called with a ``RoundProgress``.

    The backend is that of the run's configuration unless it is given here. Two things are never taken from
    a file: which module is imported (``trust``), and which cluster is joined (``address``), since a cluster
    can run anything on this machine. A third is in no file: the callables that the search was given as
    ``environment`` and ``reward``.
    """
    if prunes(run):
        given: dict[str, Any] = {
            "generations": generations,
            "minutes": minutes,
            "backend": backend,
            "workers": workers,
            "address": address,
        }
        given |= {"environment": environment, "reward": reward}
        for name, value in given.items():
            if value is not None:
                raise BadInput(f"{run} is a pruning run; this is for searches", argument=name)
        return resume_pruning(run, trust=trust, show=callback, stop=stop, tell=tell)

    def moved(before: BackendSettings) -> BackendSettings:
        after = before.elsewhere(backend, workers, address)
        if after.address not in (None, "auto", address):
            raise BadInput(
                f"{after.address}: {run} names this cluster, and no file may choose one to join; give it "
                "here, or the backend local",
                argument="address",
            )
        return after

    over = deadline(minutes)
    with (
        resume_search(Path(run), generations, moved, Trust.of(trust), tell, environment, reward) as (
            experiment,
            task,
        ),
        make_evaluator(task, experiment.config.backend, tell) as evaluator,
    ):
        return _finished(experiment, evaluator, over, callback, progress, stop, tell)


def resume_needs(run: Path | str) -> dict[str, list[str]]:
    """The arguments that ``resume`` needs for a run, since its folder alone may not decide them.

    Returns:
        ``trust``: the modules of the task, its arguments, wrappers, reward and encoder, or of a pruning run's
        network; ``address``: the cluster; each only where there is one.

    Raises:
        BadInput: no run folder, or a damaged configuration.
    """
    if prunes(run):
        names, address = [read_prune_config(RunFolder.existing(Path(run)).config).model.kind], None
    else:
        config = load_config(RunFolder.existing(Path(run)).config)
        names, address = [config.task.id], config.backend.address
        if isinstance(config.task, ControlSettings):
            named = (*config.task.wrappers, config.task.reward, config.task.encoder)
            names += modules_within(config.task.kwargs)
            names += [name for name in named if name and not name.startswith("pixels:")]
    modules = dict.fromkeys(module for module in map(module_named, names) if module)
    needs = {"trust": list(modules), "address": [address] if address else []}
    return {name: values for name, values in needs.items() if values}
