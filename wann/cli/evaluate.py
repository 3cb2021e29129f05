"""wann evaluate."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import app
from .options import EpisodeLimit, Json, NetworkPath, Seed, Stepping, TaskId, Trusted, Workers
from .output import console, print_table, printed

if TYPE_CHECKING:
    from ..assessment import AnyScore, ImageScore
    from ..network import Network

    Scores = list[AnyScore]


@app.command(
    examples=(
        "wann evaluate results/runs/swingup-seed0-1 --condition all",
        "wann evaluate champion.json --weight 1.5 --episodes 100 --json",
        "wann evaluate walker.json --seeds 5",
        "wann evaluate walker.json --video walk.mp4 --video-episodes 3",
    )
)
def evaluate(
    network: NetworkPath,
    task: TaskId = None,
    condition: Annotated[
        str | None,
        typer.Option(
            "--condition",
            metavar="NAME",
            help="stored, random, shared, tuned-shared, tuned or all, of images ensemble too; "
            "stored if the file has weights, else shared.",
        ),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(
            "--episodes",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Episodes reported on, of images draws of random weights; if not given 1,000, or 100 "
            "where the environment is slow to step.",
        ),
    ] = None,
    seed: Seed = 0,
    weight: Annotated[
        float | None,
        typer.Option("--weight", metavar="NUMBER", help="One shared value; excludes --condition."),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", metavar="N", min=1, max=1000, help="How often, each time with the next seed."
        ),
    ] = 1,
    stepping: Stepping = None,
    episode_limit: EpisodeLimit = None,
    workers: Workers = None,
    trust: Trusted = None,
    json: Json = False,
    video: Annotated[
        Path | None,
        typer.Option(
            "--video",
            metavar="FILE",
            help="Write a video of episodes too: .mp4, .gif; .png shows moments.",
        ),
    ] = None,
    video_episodes: Annotated[
        int, typer.Option("--video-episodes", metavar="N", min=1, max=100, help="How many episodes it shows.")
    ] = 1,
) -> None:
    """Play episodes, or show test images, and say how good a network is, with its standard error."""
    from .. import api
    from ..streams import check_seed

    check_seed(seed + seeds - 1)
    loaded = api.load(network)
    if video is not None:
        api.check_video(video)
    scores: list[Any] = []
    for number in range(seed, seed + seeds):
        scores += api.evaluate(
            loaded,
            task=task,
            condition=condition,
            episodes=episodes,
            seed=number,
            weight=weight,
            stepping=stepping,
            episode_limit=episode_limit,
            workers=workers,
            trust=trust or (),
            show=lambda name: None if json else console.print(f"measuring {name} ...", style="dim"),
        )
    if video is not None:
        shown = api.video(
            loaded,
            video,
            task=task,
            weight=weight,
            seed=seed,
            episodes=video_episodes,
            episode_limit=episode_limit,
            trust=trust or (),
        )
        returns = ", ".join(f"{total:.1f}" for total in shown)
        console.print(f"Video: {video} (returns: {returns})", soft_wrap=True)
    if json:
        printed(json_text.dumps(_document(network, loaded, task or loaded.task, scores)))
    else:
        _print_table(loaded, task or loaded.task, scores)
    if condition == "all" and scores[-1].condition != "tuned":
        console.print("tuned: left out, it needs PyTorch: pip install 'wann[torch]'", markup=False)


def _document(path: Path, network: Network, task: str | None, scores: Scores) -> dict[str, Any]:
    return {
        "task": task,
        "network": str(path),
        "connections": network.connections,
        "effective_connections": network.effective_connections,
        "conditions": [score.to_json() for score in scores],
    }


def _print_table(network: Network, task: str | None, scores: Scores) -> None:
    title = (
        f"{task}: {network.connections} connections "
        f"({network.effective_connections} effective), {_seeds(scores)}"
    )
    from ..assessment import ImageScore
    from ..tasks import names_of

    several = scores[0].seed != scores[-1].seed
    rows = [({"seed": str(score.seed)} if several else {}) | score.cells() for score in scores]
    print_table(rows, title=title, left=("condition", "weights"))
    if len(scores) == 1 and isinstance(scores[0], ImageScore):
        printed("")
        _print_confusion(scores[0], network.data.classes if network.data else names_of(str(task))[1])


def _seeds(scores: Scores) -> str:
    first, last = scores[0].seed, scores[-1].seed
    return f"seed {first}" if first == last else f"seeds {first} to {last}"


def _print_confusion(score: ImageScore, classes: tuple[str, ...]) -> None:
    rows = [
        {
            "": name,
            **{other: f"{count:,}" if count else "." for other, count in zip(classes, row, strict=True)},
        }
        for name, row in zip(classes, score.confusion, strict=True)
    ]
    print_table(rows, title="class (row) taken for (column)")
