"""The verbs that draw: topologies, episodes, and the report of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..assessment import make_assessor
from ..errors import BadInput
from ..network import Network
from ..reporting import check_video, draw_topology, names_in_picture, report_run, write_video
from ..runs import RunFolder
from ..streams import Stream, check_seed, episode_seeds
from ..tasks import Factory, task_for
from ..trust import Trust
from ._folders import prunes

__all__ = ["report", "show", "video"]


def show(network: Network, path: Path | str, *, trust: Sequence[str] = ()) -> None:
    """Draw the topology as svg, png, pdf or html, by the file's suffix.

    Args:
        network: what is drawn.
        path: the file.
        trust: modules that the network's task may have imported, for the names of inputs and outputs.

    Raises:
        BadInput: no network, another suffix, or a file that cannot be written.
    """
    inputs, outputs, side = names_in_picture(Network.expected(network), Trust.of(trust))
    draw_topology(network, Path(path), input_names=inputs, output_names=outputs, side=side)


def video(
    network: Network,
    path: Path | str,
    *,
    task: str | None = None,
    weight: float | None = None,
    seed: int = 0,
    episodes: int = 1,
    episode_limit: int | None = None,
    trust: Sequence[str] = (),
    environment: Factory | None = None,
) -> list[float]:
    """Play episodes and write what they look like as mp4, gif or png; returns their returns.

    Args:
        network: who plays.
        path: ``.mp4`` and ``.gif`` move, ``.png`` shows moments of the first episode side by side.
        task: an environment id; the network's own if not given.
        weight: one shared value; by default the weights that the network has, else its best shared value.
        seed: of the first episode, and of the choice of a weight; further episodes draw theirs from it.
        episodes: how many.
        episode_limit: steps after which an episode is cut; the environment's own if not given.
        trust: modules that the network's own task may have imported.
        environment: a callable that returns a Gymnasium environment, instead of a task; to be rendered it
            must accept ``render_mode``, or return one that renders frames.

    Raises:
        BadInput: another suffix, a missing extra, a task without episodes, or a network that does not
            fit it.
    """
    check_seed(seed)
    check_video(Path(path))
    problem = task_for(network, task, episode_limit=episode_limit, trust=trust, environment=environment)
    renderer = problem.renderer()
    if weight is None and network.weights is None and network.shared_weight is None:
        with make_assessor(network, problem, seed=seed) as assessor:
            weight = assessor.best_shared_weight()
    further = episode_seeds(seed, Stream.VIDEO_EPISODES, episodes - 1).tolist()
    outputs = network.policy(weight).outputs
    rendered = [renderer.episode(outputs, one) for one in [seed, *further]]
    write_video(rendered, Path(path))
    return [episode.total for episode in rendered]


def report(run: Path | str) -> Path:
    """Draw a run's pictures and write its page; returns the page's path.

    Everything it needs is in the folder: no environment is made. A search may be running in it.

    Raises:
        BadInput: no run folder, or one without metrics.
    """
    if prunes(run):
        raise BadInput(
            f"{run}: a pruning run; its picture is in figures/, and frontier compares it with others"
        )
    return report_run(RunFolder.existing(Path(run)))
