"""Scripts of other libraries' agents, as the pages of `docs/clients` show them, run at small budgets."""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

CLIENTS = Path(__file__).resolve().parents[2] / "docs" / "clients"


def trained(script: str, id: str, tokens: int, **arguments: Any) -> Any:
    """What `train` of a script returns."""
    return runpy.run_path(str(CLIENTS / "scripts" / f"{script}.py"))["train"](id, tokens, **arguments)


def curve(script: str, id: str, tokens: int, texts: int = 100) -> list[tuple[int, float]]:
    """Mean returns of each so many texts that `train` of a script had written."""
    sys.path.insert(0, str(CLIENTS))
    try:
        meter = import_module("meter").Meter()
    finally:
        sys.path.remove(str(CLIENTS))
    with meter.measured():
        trained(script, id, tokens)
    found: list[tuple[int, float]] = meter.curve(texts)
    return found
