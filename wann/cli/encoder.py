"""wann encoder train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import group
from .live import EncoderLine
from .options import Output, Seed
from .output import printed, written

encoder = group("encoder", "Encoders: what networks read of an environment whose observations are images.")


@encoder.command(
    examples=(
        "wann encoder train --task CarRacing-v3 -o car-racing.npz",
        "wann search car-racing --set task.encoder=car-racing.npz",
        "wann encoder train --task CarRacing-v3 --network results/runs/car-racing-seed0-1 -o better.npz",
    )
)
def train(
    task: Annotated[str, typer.Option("--task", metavar="ID", help="The environment.")],
    output: Output,
    network: Annotated[
        Path | None,
        typer.Option(
            "--network",
            metavar="NETWORK",
            help="A network JSON file or run folder: it plays half of the episodes that frames come from.",
        ),
    ] = None,
    seed: Seed = 0,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Frames, latents, epochs, kwargs, wrappers ...; may be repeated.",
        ),
    ] = None,
) -> None:
    """Collect frames of an environment, learn to encode them, and write the encoder.

    Beside it a picture shows frames above what can be told of them by the encoder's numbers.
    """
    from .. import api

    settings = api.read_encoder_settings(changes or ())
    player = None if network is None else api.load(network)
    with EncoderLine() as line:
        trained = api.train_encoder(
            task,
            output,
            network=player,
            seed=seed,
            settings=settings,
            collecting=line.collecting,
            training=line,
        )
    printed(
        f"{trained.encoder.latents} numbers of a frame tell its pixels, in [0, 1], with an error of "
        f"{trained.error:.3f} (root mean square, frames that it was not trained on)"
    )
    written("Encoder", output)
    written("Picture", output.with_suffix(".png"))
