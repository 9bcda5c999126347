"""Ends that come from outside: kills, signals, a second command in the same folder."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

from chaos.command import Command, differences, done, left_in
from chaos.experiment import STOP
from chaos.trial import Plan, Setting, Trial

# Nearly all of an undisturbed command falls into it.
LONGEST_SECONDS = 9.0
VICTIMS = ("command", "child", "all", "both at a checkpoint")
RUNS = ("MLE", "Warm", "GAN")


def kills(chains: int, links: int) -> list[Plan]:
    """Commands that are killed one after the other, each going on where the one before was killed."""
    return [(f"kill -9, chain {chain}", partial(_killed, links)) for chain in range(chains)]


def signals(rounds: int) -> list[Plan]:
    """Commands that are told to end."""
    return [
        (f"{kind.name}, round {number}", partial(_told, kind))
        for number in range(rounds)
        for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    ]


def together(rounds: int) -> list[Plan]:
    """Commands that are begun at the same moment, or a little later, in one folder."""
    return [(f"two at once, round {number}", _two) for number in range(rounds)]


def _killed(links: int, setting: Setting) -> Trial:
    out, draws = setting.place / "out", setting.draws
    said, disturbed, gone_on = [], 0, False
    for link in range(links):
        # One at least of each chain leaves a checkpoint to go on from.
        victim = draws.choice(VICTIMS) if link else VICTIMS[-1]
        if victim == VICTIMS[-1]:
            moment = f"{draws.choice(RUNS)}:{draws.randrange(1, 5)}"
            command = Command(out, 2, {STOP: moment})
        else:
            seconds = draws.uniform(0.5, LONGEST_SECONDS)
            moment = f"{seconds:.1f} s"
            command = Command(out)
            if not command.wait(seconds):
                disturbed += 1
                _kill(command, victim, draws)
        disturbed += command.end() == -signal.SIGKILL and victim == VICTIMS[-1]
        gone_on = gone_on or any(out.rglob("progress.json"))
        said.append(f"{victim} {moment}")
    return _ended("kill -9", ", ".join(said), setting, disturbed > 0, gone_on)


def _kill(command: Command, victim: str, draws: random.Random) -> None:
    children = command.descendants()
    if victim == "child":
        victims = draws.sample(children, min(1, len(children)))
    else:
        victims = [command.process.pid, *(children if victim == "all" else ())]
    for process in victims:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _told(kind: signal.Signals, setting: Setting) -> Trial:
    out, moment = setting.place / "out", setting.draws.uniform(1.0, LONGEST_SECONDS - 2)
    command = Command(out)
    disturbed = not command.wait(moment)
    if disturbed:
        # From a terminal it reaches the whole group.
        with suppress(ProcessLookupError):
            os.killpg(command.process.pid, kind)
    command.end()
    gone_on = any(out.rglob("progress.json"))
    return _ended("signals", f"{kind.name} after {moment:.1f} s", setting, disturbed, gone_on)


def _two(setting: Setting) -> Trial:
    out, later = setting.place / "out", setting.draws.choice([0.0, 0.1, 1.0, 3.0])
    first = Command(out, 1)
    first.wait(later)
    second = Command(out, 1)
    statuses = sorted((first.end(), second.end()))
    shared = any("finished and kept" not in each.said for each in (first, second))
    trial = _ended("two at once", f"the second {later:g} s later", setting, shared)
    if statuses != [0, 0]:
        said = (first if first.process.returncode else second).said
        return Trial(trial.part, trial.what, wrong=f"exit statuses {statuses}: {said[-500:]}")
    return trial


def _ended(part: str, what: str, setting: Setting, disturbed: bool, gone_on: bool = False) -> Trial:
    """The command is given once more, and must leave what it would have left."""
    out: Path = setting.place / "out"
    last = done(out)
    wrong = differences(left_in(out), setting.whole)
    failed = f"exit status {last.process.returncode}: {last.said[-500:]}" if last.process.returncode else ""
    return Trial(part, what, disturbed, gone_on, wrong=failed or ", ".join(wrong))
