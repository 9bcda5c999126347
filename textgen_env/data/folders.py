"""Folders that named data are looked for in, and the check of what is found there. Nothing here uses the network."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from textgen_env.data.catalogue import DataFile, DataSet, data_files, set_of
from textgen_env.files import DamagedFile, sha256_of

DATA_VARIABLE, CACHE_VARIABLE = "TEXTGEN_DATA", "TEXTGEN_CACHE"


class MissingData(FileNotFoundError):
    """Error: named data that are in none of the folders; the message says how to get them there."""


def cache_folder() -> Path:
    """The folder for what the package keeps between runs: `$TEXTGEN_CACHE`, or else `textgen-env` in
    `$XDG_CACHE_HOME`, which is `~/.cache` by default. It need not exist."""
    told = os.environ.get(CACHE_VARIABLE)
    if told:
        return Path(told)
    caches = os.environ.get("XDG_CACHE_HOME")
    # The XDG specification has a path that is not absolute ignored.
    return (Path(caches) if caches and os.path.isabs(caches) else Path.home() / ".cache") / "textgen-env"


def fetched_folder() -> Path:
    """Where fetched files are put: `data` in the cache folder."""
    return cache_folder() / "data"


def data_path(name: str) -> Path:
    """The path of a file of named data, its content checked once a process by its SHA-256; nothing is downloaded.

    It is looked for in the folder that the environment variable TEXTGEN_DATA names, then among what
    `python -m textgen_env.data fetch` has fetched.

    Args:
        name: of data that are one file ("poems"), or of a file ("captions_train.txt").

    Raises:
        ValueError: an unknown name, or that of data with several files.
        MissingData: the file is in neither folder.
        textgen_env.files.UnreadableFile: no file, or one with another digest.
    """
    files = data_files(name)
    if len(files) > 1:
        raise ValueError(f"name={name!r} is several files; ask for one: {', '.join(file.name for file in files)}")
    (file,) = files
    found = located(file)
    if found is None:
        raise MissingData(_how_to_get(file))
    check_digest(found, file)
    return found


def is_present(name: str) -> bool:
    """Whether all files of named data, or the one file of that name, are here, with whatever content.

    Raises:
        ValueError: an unknown name.
    """
    return all(located(file) is not None for file in data_files(name))


def located(file: DataFile) -> Path | None:
    """Where a file lies, its content not checked; None if nowhere."""
    told = os.environ.get(DATA_VARIABLE)
    places = [*([Path(told)] if told else []), fetched_folder()]
    return next((folder / file.name for folder in places if (folder / file.name).exists()), None)


def check_digest(path: Path, file: DataFile) -> None:
    """Refuses a file whose content is not what the catalogue says.

    Raises:
        DamagedFile: another digest.
        UnreadableFile: no file, or none that can be read.
    """
    known = path.stat()
    digest = _digest(path, known.st_mtime_ns, known.st_size)
    if digest != file.sha256:
        raise DamagedFile(
            path,
            f"has the SHA-256 {digest}, but {file.name} has {file.sha256}",
            "put the right file there, or remove this one and " + _fetching(set_of(file)),
        )


@lru_cache(maxsize=64)
def _digest(path: Path, changed: int, size: int) -> str:
    return sha256_of(path)


def how_to_get(name: str) -> str:
    """Directions, in words, for getting named data that are not here.

    Raises:
        ValueError: an unknown name.
    """
    named = set_of(data_files(name)[0])
    files = " and ".join(file.name for file in named.files)
    return f"set {DATA_VARIABLE} to a folder that holds {files}, or {_fetching(named)}"


def _fetching(named: DataSet) -> str:
    if all(file.url is None for file in named.files):
        return f"make it from its origin ({named.origin})"
    return f"fetch it: python -m textgen_env.data fetch {named.name}"


def _how_to_get(file: DataFile) -> str:
    named, told = set_of(file), os.environ.get(DATA_VARIABLE)
    where = "is not set" if told is None else f"is {told!r}"
    return (
        f"{file.name}, of the data {named.name!r}, is not on this machine: it is neither in the folder that the "
        f"environment variable {DATA_VARIABLE} names, which {where}, nor in {str(fetched_folder())!r}; set "
        f"{DATA_VARIABLE} to a folder that holds {file.name}, or {_fetching(named)}"
    )
