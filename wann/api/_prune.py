"""The verbs that train and prune dense networks, and resume that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..presets import configuration
from ..trust import Trust
from ._callbacks import never, quiet
from ._folders import run_folder
from ._run import Run

if TYPE_CHECKING:
    from ..pruning import PruneConfig
    from ..pruning.run import RoundProgress

__all__ = ["prune", "read_prune_config", "resume_pruning"]


def read_prune_config(
    config: Path | str | Mapping[str, Any],
    changes: Sequence[str] = (),
    *,
    seed: int | None = None,
    rates: Path | None = None,
) -> PruneConfig:
    """Read the configuration of a pruning run and apply changes to it; see ``read_config``.

    Args:
        config: see ``read_config``.
        changes: see ``read_config``.
        seed: overrides the configuration's.
        rates: a file of sparsities, one for each layer, as ``rates`` chooses them.

    Raises:
        BadInput: an unknown key or a bad value, rates of another network, or PyTorch is not installed.
    """
    from ..pruning import load_prune_config, with_rates  # noqa: PLC0415 - PyTorch is an extra

    arguments = {} if seed is None else {"seed": [f"seed={seed}"]}
    settings = load_prune_config(configuration(config, "prune"), changes, arguments)
    return settings if rates is None else with_rates(settings, rates)


def prune(
    config: PruneConfig | Path | str,
    *,
    run: Path | str | None = None,
    show: Callable[[RoundProgress], None] = quiet,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> Run:
    """Train a dense network, prune it in rounds, and keep everything in a run folder.

    Args:
        config: a configuration, or the path of one.
        run: a new or empty folder; by default a fresh one under results/runs.
        show: called with the state of the run.
        stop: called now and then; True ends the run, whose finished rounds are kept.
        tell: called with a sentence if the folder cannot be locked.

    Returns:
        The run, and whether it is finished.

    Raises:
        BadInput: the configuration or the folder cannot be used, or PyTorch is not installed.
        Failure: the folder could not be written any more.
    """
    from ..pruning import PruningRun  # noqa: PLC0415

    settings = read_prune_config(config) if isinstance(config, Path | str) else config
    name = Path(config).stem if isinstance(config, Path | str) else f"prune-{settings.data.name}"
    with run_folder(run, name, settings.seed) as folder, PruningRun.start(settings, folder, tell) as begun:
        done = begun.run(show, stop)
    return Run(folder, finished=done)


def resume_pruning(
    run: Path | str,
    *,
    trust: Sequence[str] = (),
    show: Callable[[RoundProgress], None] = quiet,
    stop: Callable[[], bool] = never,
    tell: Callable[[str], None] = quiet,
) -> Run:
    """Resume an interrupted pruning run after its last finished round; see ``prune``.

    ``trust`` names the module that makes its network, which the folder alone may not choose.
    """
    from ..pruning import PruningRun  # noqa: PLC0415

    with PruningRun.resume(Path(run), tell, Trust.of(trust)) as going_on:
        done = going_on.run(show, stop)
    return Run(run, finished=done)
