"""Lines of a TOML file: where what was read from it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

Place = tuple[str | int, ...]
"""Keys and numbers of tables, from the top: ("algorithms", 1, "label")."""


def line_of(text: str, place: Place) -> int:
    """The line, from 1, at which the statement begins that sets what is at a place.

    The text up to a line is read for more and more lines: the place is there from its statement on.

    Args:
        text: valid TOML.
        place: that is there.
    """
    lines = text.splitlines()
    low, high = 1, len(lines)
    while low < high:
        middle = (low + high) // 2
        if _is_there(_read_to_at_least(lines, middle)[1], place):
            high = middle
        else:
            low = middle + 1
    # The whole lines before it are TOML too.
    begun = next((count for count in range(low - 1, 0, -1) if _read(lines[:count]) is not None), 0)
    return begun + 1


def _read_to_at_least(lines: Sequence[str], count: int) -> tuple[int, Mapping[str, Any]]:
    """Content of so many lines, or as many more as the statement that they break off has."""
    for end in range(count, len(lines) + 1):
        found = _read(lines[:end])
        if found is not None:
            return end, found
    return len(lines), {}


def _read(lines: Sequence[str]) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads("\n".join(lines) + "\n")
    except tomllib.TOMLDecodeError:
        return None


def _is_there(found: Any, place: Place) -> bool:
    for key in place:
        inside = isinstance(found, list) and isinstance(key, int) and key < len(found)
        if not inside and not (isinstance(found, Mapping) and key in found):
            return False
        found = found[key]
    return True
