"""Experiment that several `work` commands share, each of which may be killed at any moment."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial

from chaos.command import Command, differences, left_in
from chaos.trial import Plan, Setting, Trial

WORKERS = 4
# Between two kills; a run takes about as long.
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 4.0
WORK = ("--jobs", "1", "--import", "chaos.experiment")


def shared(rounds: int, kills: int) -> list[Plan]:
    """Rounds of commands that share an experiment, with so many kills each."""
    return [(f"{WORKERS} at work, round {number}", partial(_shared, kills)) for number in range(rounds)]


def _shared(kills: int, setting: Setting) -> Trial:
    out, draws = setting.place / "out", setting.draws
    planned = Command(out, 1, None, "--plan")
    assert planned.end() == 0, planned.said
    workers = [_worker(setting) for _ in range(WORKERS)]
    disturbed = gone_on = 0
    for _ in range(kills):
        time.sleep(draws.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
        number = draws.randrange(WORKERS)
        if workers[number].process.poll() is None:
            disturbed += 1
            victims = [workers[number].process.pid]
            # Its run, too, or alone: its children end by themselves, a moment after it.
            victims += workers[number].descendants() if draws.random() < 0.5 else []
            for process in victims:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            gone_on += any(out.rglob("progress.json"))
        workers[number].end()
        workers[number] = _worker(setting)
    statuses = [worker.end() for worker in workers]
    assert Command(out, command=("report", str(out))).end() == 0
    wrong = ", ".join(differences(left_in(out), setting.whole))
    if any(statuses):
        said = next(worker.said for worker in workers if worker.process.returncode)
        wrong = f"exit statuses {statuses}: {said[-500:]} {wrong}"
    return Trial("shared", f"{disturbed} kills of {WORKERS}", disturbed > 0, gone_on > 0, wrong=wrong)


def _worker(setting: Setting) -> Command:
    return Command(setting.place / "out", command=("work", str(setting.place / "out" / "chaos"), *WORK))
