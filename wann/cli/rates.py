"""wann rates."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .options import NetworkPath, Output, Trusted
from .output import print_table, printed, written


@app.command(
    examples=(
        "wann rates results/runs/lenet-5-seed0-1 -o rates.toml",
        "wann rates champion.json --weight 1.5 --set sparsity=0.95 -o rates.toml",
        "wann rates champion.json --set model=my_networks:resnet -o rates.toml",
    )
)
def rates(
    network: NetworkPath,
    output: Output,
    weight: Annotated[
        float | None,
        typer.Option(
            "--weight",
            metavar="NUMBER",
            help="One shared value; if not given, what the file carries, else the best on validation images.",
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Another network, budget or seed than the policy was found with; may be repeated.",
        ),
    ] = None,
    trust: Trusted = None,
) -> None:
    """Let an evolved policy choose the sparsity of each layer of a dense network, for wann prune --rates."""
    from .. import api

    chosen = api.rates(api.load(network), weight=weight, changes=changes or (), trust=trust or ())
    chosen.rates.save(output)
    print_table(
        [{"layer": name, "sparsity": f"{rate:.4f}"} for name, rate in chosen.rates.rates.items()],
        left=("layer",),
    )
    with_weight = "" if chosen.weight is None else f" with shared weight {chosen.weight:g}"
    printed(
        f"{chosen.weights:,} weights and {chosen.flops:,} multiply-adds are left, validation accuracy "
        f"{chosen.accuracy:.4f} before any further training{with_weight}"
    )
    written("Rates", output)
