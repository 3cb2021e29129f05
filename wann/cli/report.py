"""wann report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .output import written


@app.command(examples=("wann report results/runs/swingup-seed0-1",))
def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]) -> None:
    """Draw a run's pictures and write its page, report.html."""
    from .. import api

    written("Report", api.report(run))
