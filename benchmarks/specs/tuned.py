"""Tuned settings: data, a file an agent, each with the environment that it was found for and how it was found."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import AGENTS
from benchmarks.specs.named import OF_ALGORITHM, agent_names, environment_ids, named_agent
from benchmarks.specs.settings import no_such
from textgen_env.environments import find_spec
from textgen_env.specs import TASKS

FOLDER = Path(__file__).parents[1] / "settings"
"""Where those lie that come along."""
REACH = 2
"""By what factor a budget may differ from the one that settings were found with. At five times as many tokens some lose
to the defaults: they stop exploring too soon."""
ENTRY = "tuned"
PLACES = ("environment", "task")
OF_SUITE = ("suite", "game")
KEYS = (*PLACES, *OF_SUITE, "arguments", "settings", "found")
FOUND: Mapping[str, type | tuple[type, ...]] = {
    "command": str,
    "objective": str,
    "trials": int,
    "tokens": int,
    "seeds": str,
    "default": (int, float),
    "tuned": (int, float),
    "difference": list,
    "date": str,
    "version": str,
}
"""Facts of how settings were found that must be said, each with its type."""


class SettingsRefused(ValueError):
    """Error: a file of tuned settings that says something else than it may."""


@dataclass(frozen=True)
class Place:
    """Place that settings are for: an environment, a family of them, or an environment of the suite.

    Attributes:
        environment: an id; "" for a family.
        task: name of a registered task, whose every environment is of the family; "" for an id.
        arguments: of the environment, as they were when the settings were found; those of the suite are its own.
        suite: name of a size of the suite, which has the environment; "" for one made by a person.
        game: digest of the run whose settings these change, as `benchmarks.suite.tuned` tells it: another environment
            or other rules make another run. "" outside the suite.
    """

    environment: str = ""
    task: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    suite: str = ""
    game: str = ""

    @property
    def name(self) -> str:
        """In words, for a line."""
        where = self.environment or f"environments of the task {self.task}"
        return f"{where} in the suite's size {self.suite}" if self.suite else where


@dataclass(frozen=True)
class Tuned:
    """Tuned settings of one agent in one place.

    Attributes:
        agent: as `agent_names` has it.
        place: that they are for.
        settings: argument of the agent -> value.
        found: how, see `FOUND`.
    """

    agent: str
    place: Place
    settings: Mapping[str, Any]
    found: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, Mapping[str, Any], str, int]:
        """Key in which two entries of a file must differ: the budget is the last. Of the suite there is one entry an
        environment, whatever its rules are."""
        place = self.place
        return place.environment, place.task, place.arguments, place.suite, self.found["tokens"]

    @property
    def in_words(self) -> str:
        """One line: where, when and with how many tokens they were found."""
        return f"settings tuned for {self.place.name} at {self.found['tokens']:,} tokens ({self.found['date']})"


def settings_file(agent: str, folder: Path = FOLDER) -> Path:
    """Where the settings of an agent lie."""
    return folder / f"{agent.replace('/', '-').replace(':', '-')}.toml"


def tuned_at(agent: str, env_id: str, arguments: Mapping[str, Any], folder: Path = FOLDER) -> list[Tuned]:
    """The settings for an agent in an environment with these arguments, at whatever budget: those of its id, or else
    those of its task.

    Settings that were found with other arguments are none: another reward or another file is another question.

    Raises:
        SettingsRefused: as `read_settings`.
    """
    found = settings_of(agent, folder)
    task = find_spec(env_id).kwargs["task"]
    name = task if isinstance(task, str) else task["name"]
    places = [each for each in found if not each.place.suite]
    fitting = [each for each in places if dict(each.place.arguments) == dict(arguments)]
    of_id = [each for each in fitting if each.place.environment == env_id]
    return of_id or [each for each in fitting if each.place.task == name]


def settings_of(agent: str, folder: Path = FOLDER) -> tuple[Tuned, ...]:
    """All tuned settings of an agent, none where it has no file.

    Raises:
        SettingsRefused: as `read_settings`.
    """
    path = settings_file(agent, folder)
    return read_settings(path, agent) if path.is_file() else ()


def nearest(found: Iterable[Tuned], tokens: int) -> Tuned | None:
    """Of several settings those whose budget is nearest to this one by its factor, if that is at most `REACH`."""
    factors = [(max(tokens / each.found["tokens"], each.found["tokens"] / tokens), each) for each in found]
    factor, tuned = min(factors, key=lambda each: each[0], default=(REACH + 1, None))
    return tuned if factor <= REACH else None


def read_settings(path: Path, agent: str) -> tuple[Tuned, ...]:
    """All settings in a file, each checked against what the agent takes.

    Raises:
        SettingsRefused: another form, an unknown name, or a value that the agent refuses; the file is named, and the
            nearest name that there is.
        FileNotFoundError: no such file.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"{path} is no TOML: {error}; correct it, or move it away") from None
    _check_keys(path, "", content, ("agent", ENTRY))
    if content.get("agent") != agent:
        raise SettingsRefused(
            f"{path}: agent={content.get('agent')!r} must be {agent!r}, whose file it is; there are "
            f"{', '.join(agent_names())}"
        )
    entries = content.get(ENTRY, [])
    if not isinstance(entries, list):
        raise SettingsRefused(f"{path}: {ENTRY} must be a list of tables: [[{ENTRY}]]")
    found: list[Tuned] = []
    for entry in entries:
        each = _tuned(path, agent, entry)
        if any(each.key == other.key for other in found):
            raise SettingsRefused(
                f"{path}: there are two entries for {each.place.name} at {each.found['tokens']:,} tokens; keep one"
            )
        found.append(each)
    return tuple(found)


def check_settings(where: str, agent: str, settings: Mapping[str, Any]) -> None:
    """
    Raises:
        SettingsRefused: a name that the agent does not take, or a value that it refuses.
    """
    named = named_agent(agent)
    _check_keys(where, "settings.", settings, [*(each.name for each in named.arguments), *OF_ALGORITHM])
    if named.kind == "agent":
        try:
            AGENTS.load(named.path).config_class(
                **{name: value for name, value in settings.items() if name not in OF_ALGORITHM}
            )
        except (ValueError, TypeError) as error:
            raise SettingsRefused(f"{where}: settings: {error}; `arguments {agent}` lists what it takes") from None


def _tuned(path: Path, agent: str, entry: object) -> Tuned:
    if not isinstance(entry, Mapping):
        raise SettingsRefused(f"{path}: {ENTRY} must be a list of tables: [[{ENTRY}]]")
    _check_keys(path, f"{ENTRY}.", entry, KEYS)
    named = [name for name in PLACES if entry.get(name)]
    if len(named) != 1:
        raise SettingsRefused(f"{path}: an entry must name either an environment or a task, got {named or 'neither'}")
    allowed = environment_ids() if named[0] == "environment" else list(TASKS)
    if entry[named[0]] not in allowed:
        raise SettingsRefused(f"{path}: {named[0]}={entry[named[0]]!r} {no_such(str(entry[named[0]]), allowed)}")
    where = f"{path}: {entry[named[0]]}"
    if any(entry.get(name) for name in OF_SUITE) and not all(entry.get(name) for name in (PLACES[0], *OF_SUITE)):
        raise SettingsRefused(f"{where}: settings for the suite name environment, suite and game; give all three")
    for part in ("arguments", "settings", "found"):
        if not isinstance(entry.get(part, {}), Mapping):
            raise SettingsRefused(f"{where}: {part} must be a table: [{ENTRY}.{part}]")
    settings, found = entry.get("settings", {}), entry.get("found", {})
    if not settings:
        raise SettingsRefused(f"{where}: settings are missing; give at least one, or take the entry out")
    check_settings(where, agent, settings)
    _check_keys(where, "found.", found, FOUND)
    for name, kind in FOUND.items():
        if not isinstance(found.get(name), kind):
            raise SettingsRefused(
                f"{where}: found.{name}={found.get(name)!r} must be said: how settings were found goes with them"
            )
    if found["tokens"] < 1:
        raise SettingsRefused(f"{where}: found.tokens={found['tokens']} must be at least 1")
    words = {name: str(entry.get(name, "")) for name in (*PLACES, *OF_SUITE)}
    return Tuned(agent, Place(arguments=dict(entry.get("arguments", {})), **words), dict(settings), dict(found))


def _check_keys(where: object, prefix: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    names = list(allowed)
    for name in given:
        if name not in names:
            raise SettingsRefused(f"{where}: {prefix}{name}: {name!r} {no_such(name, names)}")
