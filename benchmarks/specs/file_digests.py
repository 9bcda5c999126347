"""Digests of the files that environments read: part of a run's settings by what they hold, wherever they lie."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SUFFIX = ".npz"
PATHS = re.compile(r"(^|[._])path$")
"""Places whose strings are paths of files, whatever they end with: "path", "test_path", "reward.path"."""
FILES = "files"
"""Where a configuration keeps the digests."""


def paths_in(*kwargs: Mapping[str, Any]) -> dict[str, str]:
    """The paths of files that keyword arguments of environments name, each with where it stands in them: "oracle",
    "reward.path", "reward.parts[0].path"."""
    named = [(name.removeprefix("."), value) for each in kwargs for name, value in _texts(each)]
    return {value: name for name, value in named if value.endswith(SUFFIX) or PATHS.search(name)}


def digests(*kwargs: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the files that keyword arguments name, by the path as it is spelled; none of one that is missing."""
    contents = {path: Path(path).read_bytes() for path in paths_in(*kwargs) if Path(path).is_file()}
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def by_content(config: Mapping[str, Any]) -> dict[str, Any]:
    """Comparison key of a run's configuration: with the digest of a file in place of its path."""
    files = config.get(FILES)
    known = files if isinstance(files, Mapping) else {}

    def named(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: named(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [named(each) for each in value]
        return f"sha256:{known[value]}" if isinstance(value, str) and value in known else value

    return {name: named(value) for name, value in config.items() if name != FILES}


def with_absolute_paths(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments with the paths of files that are there made absolute: they lead there from any folder."""

    def led(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: led(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [led(each) for each in value]
        return os.path.abspath(value) if isinstance(value, str) and value in there else value

    there = {path for path in paths_in(kwargs) if Path(path).is_file()}
    return {name: led(value) for name, value in kwargs.items()}


def refuse_missing(*kwargs: Mapping[str, Any]) -> None:
    """
    Raises:
        FileNotFoundError: a file that keyword arguments name is not there.
    """
    for path, name in paths_in(*kwargs).items():
        if not Path(path).is_file():
            told = os.environ.get("TEXTGEN_DATA")
            raise FileNotFoundError(
                f"{name}={path!r}: no such file; nothing was run. The suite's own experiments look for theirs in the "
                f"folder that the environment variable TEXTGEN_DATA names, which is "
                f"{'not set' if told is None else repr(told)}: set it to the folder that holds {Path(path).name}, and "
                "give the same command again"
            )


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every string inside mappings and lists, with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _texts(each, f"{place}[{number}]")
