"""Named data of a test's own, and folders of its own to look for them in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from textgen_env.data import DataFile, DataSet, catalogue, folders
from textgen_env.data import __main__ as command

CONTENT = "床前明月光\n".encode() * 2_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def named(monkeypatch: pytest.MonkeyPatch, *files: DataFile) -> DataSet:
    """The only named data, called "verses"."""
    verses = DataSet("verses", "five letters a line", "Li Bai", "public domain", files)
    for module in (catalogue, command):
        monkeypatch.setattr(module, "DATA", {"verses": verses})
    return verses


def empty_folders(monkeypatch: pytest.MonkeyPatch, root: Path) -> tuple[Path, Path]:
    """A folder of data, and the folder of fetched data, which is not there yet."""
    given = root / "given"
    given.mkdir()
    monkeypatch.setenv(folders.DATA_VARIABLE, str(given))
    monkeypatch.setenv(folders.CACHE_VARIABLE, str(root / "cache"))
    return given, root / "cache" / "data"
