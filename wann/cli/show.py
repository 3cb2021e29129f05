"""wann show."""

from __future__ import annotations

from .app import app
from .options import NetworkPath, Output, Trusted
from .output import written


@app.command(examples=("wann show results/runs/swingup-seed0-1 -o champion.svg",))
def show(network: NetworkPath, output: Output, trust: Trusted = None) -> None:
    """Draw a network's topology as svg, png, pdf or html."""
    from .. import api

    api.show(api.load(network), output, trust=trust or ())
    written("Picture", output)
