"""Environments of the suite: which ids are in it, how small they are made, and what their agents are measured by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.suite.sizes import SMALL_DISCRIMINATOR, SuiteSize
from textgen_env.environments import TABLE, EnvRow

LEARNED = "discriminator"
VERSION = re.compile(r"-v(\d+)$")


@dataclass(frozen=True)
class Game:
    """Environment of a suite.

    Attributes:
        row: of the table of ids.
        name: short, of its folder: the id without "TextGen-".
        kwargs: of training.
        measured_on: id of the environment that its agents are measured on; "" for itself. A reward that learns while an
            agent trains is another for each agent: what was learned is told by a reward that stands still.
        measured_kwargs: of that one.
    """

    row: EnvRow
    name: str
    kwargs: Mapping[str, Any]
    measured_on: str = ""
    measured_kwargs: Mapping[str, Any] | None = None

    @property
    def env_id(self) -> str:
        """The id that agents train in."""
        return self.row.id


def games(size: SuiteSize) -> tuple[Game, ...]:
    """The environments of a size, in the order of the table of ids."""
    return tuple(_game(row, size) for row in TABLE if not reason_left_out(row, size))


def left_out(size: SuiteSize) -> dict[str, str]:
    """Ids that are not in a size of the suite -> why."""
    return {row.id: reason for row in TABLE if (reason := reason_left_out(row, size))}


def reason_left_out(row: EnvRow, size: SuiteSize) -> str:
    """Why an id is not in a size of the suite; "" for one that is."""
    if row.data:
        return f"needs data that are fetched: {', '.join(row.data)}"
    if row.task not in size.tasks:
        return f"its task {row.task!r} is not in the size {size.name}"
    newer = [each.id for each in TABLE if _name(each.id) == _name(row.id) and _version(each.id) > _version(row.id)]
    if newer:
        return f"{newer[-1]} is its latest version"
    smaller = [each for each in TABLE if (each.task, each.reward) == (row.task, row.reward) and each.arguments]
    if smaller and not row.arguments:
        return f"{smaller[0].id} is the same at another size"
    return ""


def _game(row: EnvRow, size: SuiteSize) -> Game:
    name, kwargs = row.id.removeprefix("TextGen-"), dict(size.tasks[row.task])
    if row.reward_name != LEARNED:
        return Game(row, name, kwargs)
    still = _measured_on(row)
    return Game(row, name, {**kwargs, "reward": dict(SMALL_DISCRIMINATOR)}, still.id, kwargs)


def _measured_on(row: EnvRow) -> EnvRow:
    """The id of the same task, at its size and in its latest version, whose reward does not learn."""
    fixed = [
        each
        for each in TABLE
        if (each.task, each.arguments) == (row.task, row.arguments) and each.reward_name != LEARNED and not each.data
    ]
    # The first in the table is the task's own reward: the oracle's likelihood before BLEU.
    first = _name(fixed[0].id)
    return max((each for each in fixed if _name(each.id) == first), key=lambda each: _version(each.id))


def _name(env_id: str) -> str:
    return VERSION.sub("", env_id)


def _version(env_id: str) -> int:
    found = VERSION.search(env_id)
    return int(found[1]) if found else 0
