"""Trial: one disturbance, and what became of the results."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """Trial: what was done, and what came of it.

    Attributes:
        part: of the chaos.
        what: was done, in words.
        disturbed: whether the disturbance fell into the command's work.
        gone_on: whether a checkpoint was gone on from.
        refused: whether the command refused to go on, by name, until its remedy was followed.
        wrong: what is not as it would have been, in words; "" where every byte is.
    """

    part: str
    what: str
    disturbed: bool = True
    gone_on: bool = False
    refused: bool = False
    wrong: str = ""


@dataclass(frozen=True)
class Setting:
    """Setting of trials.

    Attributes:
        place: a folder of the trial's own.
        whole: what an undisturbed command leaves.
        states: folders of results to begin with, by name.
        draws: what is left to chance.
    """

    place: Path
    whole: Mapping[str, bytes]
    states: Mapping[str, Path]
    draws: random.Random

    def begun_as(self, state: str) -> Path:
        """The folder of results, as a state has it."""
        out = self.place / "out"
        shutil.copytree(self.states[state], out)
        return out


Plan = tuple[str, Callable[[Setting], Trial]]
"""A trial's name, and the call that does it."""
