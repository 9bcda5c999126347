"""Event files: the learning curve as TensorBoard reads it, where TensorBoard is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.store.results import Point

EVENTS = "events.out.tfevents.*"
ADVICE = "TensorBoard is not installed, so no event files are written; to have them: pip install tensorboard"


def is_installed() -> bool:
    """Whether event files can be written."""
    return find_spec("tensorboard") is not None


class EventLog:
    """Event file in a run's folder: of each point of the curve the return, the losses and the measures, over the
    tokens spent. A run that goes on writes it anew, points of before included. Nothing without TensorBoard."""

    def __init__(self, folder: Path) -> None:
        self.writer: Any = None
        if not is_installed():
            return
        from torch.utils.tensorboard import SummaryWriter

        for earlier in folder.glob(EVENTS):
            earlier.unlink()
        self.writer = SummaryWriter(str(folder))

    def add(self, point: Point) -> None:
        """Writes a point."""
        if self.writer is None:
            return
        named = {"return": point.mean_return}
        named |= {f"loss/{name}": value for name, value in point.losses.items()}
        named |= {f"measure/{name}": value for name, value in point.measures.items()}
        for name, value in named.items():
            self.writer.add_scalar(name, value, point.tokens_spent)
        self.writer.flush()

    def close(self) -> None:
        """Ends the file."""
        if self.writer is not None:
            self.writer.close()
