"""Named data of a test's own, and folders of its own to look for them in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from textgen_env.data import DataFile, DataSet, catalogue, folders
from textgen_env.data import __main__ as command

CONTENT = "床前明月光\n".encode() * 2_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def named(monkeypatch: pytest.MonkeyPatch, *files: DataFile, name: str = "verses") -> DataSet:
    """The only named data."""
    made = DataSet(name, "five letters a line", "Li Bai", "public domain", files)
    for module in (catalogue, command):
        monkeypatch.setattr(module, "DATA", {name: made})
    return made


def given(monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Has a file that a test has written be the data of that name."""
    named(monkeypatch, DataFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest()), name=name)
    monkeypatch.setenv(folders.DATA_VARIABLE, str(path.parent))


def empty_folders(monkeypatch: pytest.MonkeyPatch, root: Path) -> tuple[Path, Path]:
    """A folder of data, and the folder of fetched data, which is not there yet."""
    given = root / "given"
    given.mkdir()
    monkeypatch.setenv(folders.DATA_VARIABLE, str(given))
    monkeypatch.setenv(folders.CACHE_VARIABLE, str(root / "cache"))
    return given, root / "cache" / "data"
