"""Chaos let loose: all trials, two at a time, each in a folder of its own."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chaos.command import Command, done, left_in
from chaos.damage import damages
from chaos.disk import disks, why_no_disk
from chaos.ends import kills, signals, together
from chaos.experiment import STOP
from chaos.shared import shared
from chaos.trial import Plan, Setting, Trial

PARTS = ("kill -9", "signals", "two at once", "shared", "full disk", "damage")
# What a command leaves that is killed at a moment, and the run whose files are damaged there.
STATES = {"midway": ("GAN:3", "GAN"), "before an heir": ("Warm:0", "MLE")}


@dataclass(frozen=True)
class Size:
    """Size of the chaos: how many trials of each kind; `most_damages` of 0 for every file there is; `states` that
    files are damaged in, beside the finished one; `kills` in each trial of what is shared."""

    chains: int
    links: int
    signals: int
    together: int
    shared: int
    kills: int
    disks: int
    damages: int
    most_damages: int = 0
    states: Sequence[str] = tuple(STATES)


FULL = Size(chains=10, links=4, signals=3, together=4, shared=4, kills=8, disks=8, damages=2)
QUICK = Size(1, 2, signals=0, together=1, shared=1, kills=3, disks=1, damages=1, most_damages=3, states=("midway",))


def let_loose(
    place: Path,
    size: Size,
    seed: int,
    tell: Callable[[str], None],
    parts: Sequence[str] = PARTS,
    at_a_time: int = 2,
) -> list[Trial]:
    """All trials of a size; what they leave is kept in `place` where something is wrong.

    Args:
        place: an empty folder.
        size: how many.
        seed: of what is left to chance; how far a command is at a moment is the machine's.
        tell: hears of each trial.
        parts: of `PARTS`.
        at_a_time: trials.
    """
    # A shell started in the background ignores Ctrl-C, and so would the commands.
    before, folder = signal.signal(signal.SIGINT, signal.default_int_handler), os.environ.get("TMPDIR")
    try:
        # Sockets of commands that are killed are left in it.
        with tempfile.TemporaryDirectory() as temporary:
            os.environ["TMPDIR"] = temporary
            return _tried(place, size, random.Random(seed), tell, parts, at_a_time)
    finally:
        signal.signal(signal.SIGINT, before)
        os.environ.pop("TMPDIR")
        if folder is not None:
            os.environ["TMPDIR"] = folder


def _tried(
    place: Path,
    size: Size,
    draws: random.Random,
    tell: Callable[[str], None],
    parts: Sequence[str],
    at_a_time: int,
) -> list[Trial]:
    whole, states = _beginnings(place, size.states if "damage" in parts else ())
    plans: dict[str, list[Plan]] = {
        "kill -9": kills(size.chains, size.links),
        "signals": signals(size.signals),
        "two at once": together(size.together),
        "shared": shared(size.shared, size.kills),
        "full disk": disks(size.disks),
        "damage": damages(
            {name: (folder, STATES.get(name, ("", ""))[1]) for name, folder in states.items()},
            size.damages,
            draws,
            size.most_damages,
        ),
    }
    if "full disk" in parts and (why := why_no_disk(place / "a-disk")):
        tell(f"full disk: not tried: {why}")
        plans["full disk"] = []
    if "damage" not in parts:
        plans["damage"] = []
    chosen = [plan for part in PARTS if part in parts for plan in plans[part]]
    seeds = [draws.getrandbits(64) for _ in chosen]

    def tried(number: int) -> Trial:
        name, do = chosen[number]
        own = place / f"trial-{number}"
        own.mkdir()
        begun = time.monotonic()
        try:
            trial = do(Setting(own, whole, states, random.Random(seeds[number])))
        except AssertionError as error:
            trial = Trial(name, name, wrong=str(error))
        outcome = trial.wrong and f"WRONG: {trial.wrong}"
        outcome = outcome or ("refused, done anew, equal" if trial.refused else "equal")
        tell(f"{trial.part}: {trial.what}: {outcome} ({time.monotonic() - begun:.0f} s)")
        if not trial.wrong:
            shutil.rmtree(own)
        return trial

    with ThreadPoolExecutor(at_a_time) as pool:
        return list(pool.map(tried, range(len(chosen))))


def _beginnings(place: Path, stopped: Sequence[str]) -> tuple[dict[str, bytes], dict[str, Path]]:
    """What an undisturbed command leaves, and the folders that damage begins with."""
    undisturbed = place / "whole"
    command = done(undisturbed)
    assert command.process.returncode == 0, command.said
    states = {"finished": undisturbed}
    for name in stopped:
        states[name] = place / name.replace(" ", "-")
        command = Command(states[name], 1, {STOP: STATES[name][0]})
        assert command.end() == -signal.SIGKILL, command.said
    return left_in(undisturbed), states
