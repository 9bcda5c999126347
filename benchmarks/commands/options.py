"""Options that several commands have, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(metavar="RUN", help="the folder of a finished run")]
Out = Annotated[Path, typer.Option(help="the folder of results")]
Seed = Annotated[int, typer.Option(help="of what is drawn")]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="import what the run's config.json names by import path: executes what is there"),
]
