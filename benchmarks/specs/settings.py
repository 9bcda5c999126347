"""Settings as a person types them: `env.path=reviews.txt`, `agent.learning_rate=0.001`."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Settings = dict[str, dict[str, Any]]


def parsed_settings(texts: Iterable[str], places: Sequence[str]) -> Settings:
    """Settings of `--set PLACE.NAME=VALUE`, by place; a name with dots is inside a mapping: `env.reward.max_order=3`.

    Args:
        texts: each as it was typed.
        places: that are allowed.

    Raises:
        ValueError: another form, another place, or a name that is set twice.
    """
    found: Settings = {place: {} for place in places}
    for text in texts:
        name, equals, value = text.partition("=")
        place, *inside = [part.strip() for part in name.split(".")]
        if not equals or not inside or not all(inside):
            raise ValueError(f"--set {text!r} must be of the form PLACE.NAME=VALUE, such as --set {places[0]}.name=3")
        if place not in places:
            raise ValueError(f"--set {text!r}: {place!r} {no_such(place, places)}")
        within = found[place]
        for part in inside[:-1]:
            within = within.setdefault(part, {})
            if not isinstance(within, dict):
                raise ValueError(f"--set {text!r}: {part!r} is set to {within!r} already; give one or the other")
        if inside[-1] in within:
            raise ValueError(f"--set {text!r}: {name.strip()} is set to {within[inside[-1]]!r} already; give it once")
        within[inside[-1]] = _value(text, value.strip())
    return found


def no_such(name: str, allowed: Iterable[str]) -> str:
    """The end of an error on a name that is not allowed: which are, and which is the nearest."""
    names = list(allowed)
    near = difflib.get_close_matches(name, names, 1)
    return f"must be one of {', '.join(names) or 'none'}" + (f"; did you mean {near[0]!r}?" if near else "")


def check_names(what: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    """
    Raises:
        ValueError: a name that is not allowed.
    """
    names = list(allowed)
    for name in given:
        if name not in names:
            raise ValueError(f"{what}.{name}: {name!r} {no_such(name, names)}")


def _value(text: str, value: str) -> Any:
    """As TOML has it; what is no value of TOML's, or one that JSON has not, such as a date, is a string."""
    try:
        read: Mapping[str, Any] = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return value
    if read.keys() != {"value"}:
        return value
    try:
        json.dumps(read["value"], allow_nan=False)
    except TypeError:
        return value
    except ValueError:
        raise ValueError(f"--set {text!r}: {value} must be a finite number") from None
    return read["value"]
