"""Starting a search in a fresh run folder, and resuming one from its last checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..encoding import ConvolutionalEncoder, encoder_bytes
from ..errors import BadInput
from ..evaluation import BackendSettings
from ..evolution import Search
from ..formats import render, to_document
from ..network import Network
from ..runs import Manifest, RunFolder, read_manifest
from ..settings import render_settings
from ..tasks import Factory, Reward, Task, make_task, resolved_settings
from ..trust import NOTHING, Trust
from .ancestor import read_ancestor
from .config import Config, load_config
from .run import Experiment, write_manifest

__all__ = ["resume_search", "start_search"]


@contextmanager
def start_search(
    config: Config,
    path: Path,
    task: Task,
    tell: Callable[[str], None] = lambda _: None,
    data: bytes | None = None,
) -> Iterator[Experiment]:
    """Start a search in a fresh folder, which is locked while the block lasts.

    Args:
        config: its settings.
        path: the folder.
        task: as the configuration has it.
        tell: called with a sentence if the folder cannot be locked.
        data: the content of ``data.npz``, where the task's data are kept in the folder.

    Raises:
        BadInput: the folder is not empty or cannot be written, another process writes there, or the network
            that the search starts from does not fit.
    """
    config = config.changed(task=resolved_settings(config.task, task))
    ancestor = read_ancestor(config.search, config.mutation, task.inputs, task.outputs)
    search = _begun(config, task, ancestor)
    files = {} if data is None else {RunFolder(path).data: data}
    encoder = task.interface and task.interface.encoder
    if isinstance(encoder, ConvolutionalEncoder):
        files[path / encoder.name] = encoder_bytes(encoder)
    if ancestor is not None:
        files[RunFolder(path).ancestor] = render(to_document(ancestor)).encode()
    with RunFolder.create(path, render_settings(config), "front", tell=tell, files=files) as folder:
        write_manifest(folder, config, Manifest(), 0.0, 0.0)
        yield Experiment(config, folder, search, task)


@contextmanager
def resume_search(
    path: Path,
    generations: int | None = None,
    backend: Callable[[BackendSettings], BackendSettings] = lambda same: same,
    trust: Trust = NOTHING,
    tell: Callable[[str], None] = lambda _: None,
    factory: Factory | None = None,
    reward: Reward | None = None,
) -> Iterator[tuple[Experiment, Task]]:
    """Resume a search from its last checkpoint; its folder is locked while the block lasts.

    Args:
        path: its run folder.
        generations: in all, not in addition; those of the configuration if not given. A search that its
            target or its patience has ended goes on without them.
        backend: the backend to use, given that of the configuration.
        trust: modules that the configuration's task may import.
        tell: called with a sentence if the folder cannot be locked.
        factory: what makes the environment, if the search was given a callable.
        reward: the search's own, if it was given as a callable.

    Raises:
        BadInput: no run folder, one in which another process writes, a damaged checkpoint or manifest, a task
            in a module without trust, or fewer generations than are done.
    """
    folder = RunFolder.existing(path)
    with folder.writing("front", tell=tell):
        before = read_manifest(folder.manifest)
        config = load_config(folder.config)
        config = config.changed(backend=backend(config.backend))
        if generations is not None:
            config = config.changed(search=config.search.changed(generations=generations))
        try:
            task = make_task(config.task, trust=trust, factory=factory, reward=reward, kept=path)
        except BadInput as error:
            raise error.within(folder.config) from None
        search = _restored(folder, config, task)
        if generations is not None and search.ending in ("target", "patience"):
            config = config.changed(search=config.search.changed(**{search.ending: None}))
            search.settings = config.search
        folder.truncate(folder.metrics, search.generation, range(search.generation))
        folder.truncate(folder.timing, search.generation)
        yield Experiment(config, folder, search, task, before), task


def _begun(config: Config, task: Task, ancestor: Network | None) -> Search:
    return Search.begin(
        config.search,
        config.mutation,
        task.inputs,
        task.outputs,
        config.seed,
        None if ancestor is None else ancestor.population,
    )


def _restored(folder: RunFolder, config: Config, task: Task) -> Search:
    """The search as the newest checkpoint has it, or at its beginning."""
    checkpoint = folder.newest_checkpoint()
    if checkpoint is None:
        size = task.inputs, task.outputs
        return _begun(config, task, read_ancestor(config.search, config.mutation, *size, folder.ancestor))
    if checkpoint.generation > config.search.generations:
        raise BadInput(
            f"{config.search.generations} is fewer than the {checkpoint.generation} that are done",
            argument="generations",
        )
    try:
        return Search.restore(
            config.search,
            config.mutation,
            config.seed,
            checkpoint.generation,
            checkpoint.arrays,
            (task.inputs, task.outputs),
        )
    except BadInput as error:
        raise BadInput(f"{folder.checkpoints}, generation {checkpoint.generation}: {error}") from None
