"""Files of tuned settings, written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.specs.tuned import ENTRY, OF_SUITE, PLACES, Tuned, read_settings, settings_file
from benchmarks.store.run_folder import write_text

HEADING = (
    "# Written by `tune` and `tune-suite`; `train` and `run suite` take these settings unless --untuned is given.\n"
)


def write_tuned(tuned: Tuned, folder: Path, replacing: bool = False) -> Tuned | None:
    """Writes settings into their agent's file, beside those of other environments.

    Returns:
        None; or the settings for the same environment that are there, in which case nothing was written, unless
        `replacing`.

    Raises:
        benchmarks.specs.tuned.SettingsRefused: the file that is there cannot be read.
    """
    path = settings_file(tuned.agent, folder)
    there = list(read_settings(path, tuned.agent)) if path.is_file() else []
    same = next((each for each in there if each.key == tuned.key), None)
    if same == tuned:
        return None
    if same is not None and not replacing:
        return same
    kept = [tuned if each is same else each for each in there]
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, as_toml(tuned.agent, kept if same is not None else [*kept, tuned]))
    return None


def as_toml(agent: str, entries: Sequence[Tuned], heading: str = HEADING) -> str:
    """The text of a file of settings, below a comment."""
    parts = [heading + f"agent = {_value(agent)}\n"]
    for each in entries:
        words = {name: getattr(each.place, name) for name in (*PLACES, *OF_SUITE)}
        parts.append(f"\n[[{ENTRY}]]\n" + "".join(f"{name} = {_value(word)}\n" for name, word in words.items() if word))
        for name, table in (("arguments", each.place.arguments), ("settings", each.settings), ("found", each.found)):
            if table:
                parts.append(
                    f"\n[{ENTRY}.{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in table.items())
                )
    return "".join(parts)


def _value(value: Any) -> str:
    """As TOML writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, float):
        return repr(value)
    # Strings, whole numbers and truth values are written as in JSON.
    return json.dumps(value, ensure_ascii=False)
