"""Experiment from a TOML file: the data of the Python form, checked in full before anything runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from benchmarks.specs.checked_experiment import check_algorithm, check_made, check_place, named_algorithm
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.specs.import_path import look_in_current_folder
from benchmarks.specs.named import environment_arguments, named_agent
from benchmarks.specs.settings import no_such
from benchmarks.specs.toml_lines import Place, line_of
from benchmarks.store.typed_json import read_fields

SUFFIX = ".toml"
MOST_BYTES = 2**20
TABLES: Mapping[str, type] = {"evaluation": Evaluation, "algorithms": Algorithm}
# Defaults that the Python form has not.
LEFT_OUT = {"description": ""}


def experiment_from(path: Path) -> Experiment:
    """The experiment that a TOML file holds: keys are the fields of `Experiment`, the table `evaluation` those of
    `Evaluation`, each table of the array `algorithms` those of `Algorithm`. `agent` may be "sb3/PPO" too, with what
    `train` sets for it. Environments are made once, and own agents are checked in a process of their own.

    Raises:
        FileNotFoundError: no such file, or one that an environment is to read.
        ValueError: no TOML; a key, a name or a value that there is not. The message names file, line and remedy.
        ImportError: a library that an agent needs is not installed.
    """
    try:
        return _Reader(path).experiment()
    except RecursionError:
        raise BadFile(f"{path}: tables or lists are nested too deeply; flatten them") from None


class BadFile(ValueError):
    """Error: a file that holds no experiment; the message says where, and what to do."""


# What `read_fields` calls a type, as TOML calls it.
KINDS = {
    "int": "a whole number",
    "str": "a text",
    "bool": "true or false",
    "tuple[int, ...]": "a list of whole numbers",
    "tuple[str, ...]": "a list of texts",
    "NoneType": "a text",
}


def _read(given: Mapping[str, Any], name: str, form: type, others: frozenset[str]) -> dict[str, Any]:
    """One field, in its type.

    Raises:
        TypeError: another type, in the words of TOML.
    """
    try:
        return read_fields({name: given[name]}, form, others)
    except TypeError as error:
        said, must_be, kind = str(error).rpartition(" must be ")
        if kind.startswith("typing.Literal["):
            kind = f"one of {kind.removeprefix('typing.Literal[').removesuffix(']')}"
        kind = "a table" if kind.startswith("collections.abc.Mapping") else KINDS.get(kind, kind)
        raise TypeError(f"{said}{must_be}{kind}") from None


class _Reader:
    """Reader of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; `python -m benchmarks schema` prints one to begin with")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path} has {path.stat().st_size:,} bytes, more than the {MOST_BYTES:,} that are read")
        try:
            self.text = path.read_text(encoding="utf-8")
            self.content = tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is no TOML: {error}") from None

    def experiment(self) -> Experiment:
        look_in_current_folder()
        self._check_plain(self.content, ())
        self._check_keys(self.content, Experiment, ())
        tables = self.content.get("algorithms")
        with self._at("algorithms"):
            if not isinstance(tables, list) or not tables or not all(isinstance(each, Mapping) for each in tables):
                raise ValueError("algorithms must be tables, at least one: write [[algorithms]] above each")
        env_id = self._text("env_id")
        self._environment(("env_id",), env_id, self._mapping("env_kwargs"), ("env_kwargs",))
        evaluation = self._evaluation()
        algorithms = tuple(self._algorithm(number, env_id) for number in range(len(tables)))
        own = frozenset({"algorithms", "evaluation"})
        with self._at():
            read = {**LEFT_OUT, **self._fields(self.content, Experiment, (), own)}
            try:
                experiment = Experiment(**read, algorithms=algorithms, evaluation=evaluation)
            except ValueError as error:
                with self._at(*self._blamed(str(error))):
                    raise
        for number, algorithm in enumerate(experiment.algorithms):
            with self._at("algorithms", number):
                check_algorithm(algorithm)
                check_made(algorithm, experiment)
        return experiment

    def _blamed(self, said: str) -> Place:
        """The key whose value an error on the whole experiment quotes; the whole where there is none."""
        texts = {key: value for key, value in self.content.items() if isinstance(value, str) and key != "name"}
        return next(((key,) for key, value in texts.items() if repr(value) in said), ())

    def _evaluation(self) -> Evaluation:
        given = self.content.get("evaluation", {})
        with self._at("evaluation"):
            if not isinstance(given, Mapping):
                raise ValueError("evaluation must be a table: write [evaluation] above its keys")
        self._check_keys(given, Evaluation, ("evaluation",))
        read = self._fields(given, Evaluation, ("evaluation",))
        with self._at("evaluation"):
            evaluation = Evaluation(**read)
        if evaluation.env_id is not None:
            place = ("evaluation", "env_kwargs")
            self._environment(("evaluation", "env_id"), evaluation.env_id, evaluation.env_kwargs, place)
        return evaluation

    def _algorithm(self, number: int, env_id: str) -> Algorithm:
        place: Place = ("algorithms", number)
        given = self.content["algorithms"][number]
        agent = given.get("agent")
        named = None
        if isinstance(agent, str):
            with self._at(*place, "agent"):
                named = named_agent(agent)
        arguments = [] if named is None else [each.name for each in named.arguments]
        self._check_keys(given, Algorithm, place, arguments)
        read = self._fields(given, Algorithm, place)
        assert named is not None
        for name in read.get("hyperparameters", {}):
            if name not in arguments:
                with self._at(*place, "hyperparameters", name):
                    raise ValueError(f"hyperparameters of {agent}: {name!r} {no_such(name, arguments)}")
        own_id, kwargs = read.get("env_id"), read.get("env_kwargs", {})
        where: Place = (*place, "env_id" if own_id is not None else "env_kwargs")
        merged = {**self._mapping("env_kwargs"), **kwargs}
        with self._at(*where):
            task = check_place(own_id or env_id, merged)
        with self._at(*place):
            return named_algorithm(read, named, task)

    def _environment(self, at: Place, env_id: str, kwargs: Mapping[str, Any], inside: Place) -> None:
        with self._at(*at):
            allowed = [each.name for each in environment_arguments(env_id)]
        for name in kwargs:
            if name not in allowed:
                with self._at(*inside, name):
                    raise ValueError(f"{'.'.join(map(str, inside))}: {name!r} {no_such(name, allowed)}")
        with self._at(*(inside if kwargs else at)):
            check_place(env_id, kwargs)

    def _fields(
        self, given: Mapping[str, Any], form: type, place: Place, own: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """The fields that are there, in their types."""
        read: dict[str, Any] = {}
        for each in fields(form):
            if each.name in own:
                continue
            if each.name in given:
                with self._at(*place, each.name):
                    others = frozenset(other.name for other in fields(form) if other.name != each.name)
                    read |= _read(given, each.name, form, others)
            elif each.default is MISSING and each.default_factory is MISSING and each.name not in LEFT_OUT:
                with self._at(*place):
                    raise ValueError(f"{self._called(place)}the key {each.name!r} is missing")
        return read

    def _check_keys(
        self, given: Mapping[str, Any], form: type, place: Place, of_agent: list[str] | None = None
    ) -> None:
        allowed = [each.name for each in fields(form)]
        for key in given:
            if key not in allowed:
                with self._at(*place, key):
                    if of_agent and key in of_agent:
                        raise ValueError(
                            f"{key!r} is the agent's own; write it below [algorithms.hyperparameters], or as "
                            f"hyperparameters.{key} = {json.dumps(given[key])}"
                        )
                    raise ValueError(f"{self._called(place)}the key {key!r} {no_such(key, allowed)}")

    def _check_plain(self, value: Any, place: Place) -> None:
        """Refuses what a run's settings, which are JSON, cannot keep: dates, and numbers that are not finite."""
        if isinstance(value, Mapping | list):
            for key, each in value.items() if isinstance(value, Mapping) else enumerate(value):
                self._check_plain(each, (*place, key))
            return
        with self._at(*place):
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError):
                raise ValueError(
                    f"{place[-1]}={value} must be a text, a finite number, a truth value, a list or a table"
                ) from None

    def _text(self, name: str) -> str:
        with self._at(name):
            found = self.content.get(name)
            if found is None:
                raise ValueError(f"the key {name!r} is missing")
            if not isinstance(found, str):
                raise ValueError(f"{name}={found!r} must be a text")
            return found

    def _mapping(self, name: str) -> Mapping[str, Any]:
        found = self.content.get(name, {})
        with self._at(name):
            if not isinstance(found, Mapping):
                raise ValueError(f"{name}={found!r} must be a table: write [{name}] above its keys")
        return found

    @staticmethod
    def _called(place: Place) -> str:
        """Of the table at a place, before what is said of it."""
        return f"{place[0]}: " if place else ""

    @contextmanager
    def _at(self, *place: str | int) -> Iterator[None]:
        """Within it, an error is told with the file and the line of what stands at a place, or of what is around it."""
        try:
            yield
        except BadFile:
            raise
        except (ValueError, TypeError, ImportError) as error:
            while place and not self._is_there(place):
                place = place[:-1]
            line = f", line {line_of(self.text, place)}" if place else ""
            raise BadFile(f"{self.path}{line}: {error}") from None

    def _is_there(self, place: Place) -> bool:
        found: Any = self.content
        for key in place:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return False
        return True
