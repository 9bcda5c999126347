"""Encoded texts kept on disk, in the user's cache folder, under a digest of all that they depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.archives import opened_archive
from textgen_env.data.folders import cache_folder
from textgen_env.files import UnreadableFile, write_whole

FORM = 1
"""Of the files; another is made anew."""
FOLDER = "corpora"
TOLD = "told"


def key_of(settings: Mapping[str, Any]) -> str:
    """The name of what is made with these settings, plain JSON; another of each form."""
    content = json.dumps({"form": FORM, **settings}, sort_keys=True, ensure_ascii=False)
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def load_kept(key: str, names: tuple[str, ...]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """The arrays of these names, and the JSON, that are kept under a key; None where nothing is, or nothing that can
    be read."""
    try:
        with opened_archive(_path(key), (*names, TOLD)) as archive:
            arrays = {name: archive.read(name) for name in (*names, TOLD)}
        told = json.loads(arrays.pop(TOLD).tobytes().decode("utf-8", "surrogatepass"))
    except (OSError, UnreadableFile, KeyError, ValueError, RuntimeError):
        return None
    return (arrays, told) if isinstance(told, dict) else None


def keep(key: str, arrays: Mapping[str, NDArray[Any]], told: Mapping[str, Any]) -> None:
    """Keeps arrays and JSON under a key; where the folder cannot be written to, nothing happens."""
    content = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")

    # Any: NumPy's savez takes its own arguments by the same names.
    all_arrays: dict[str, Any] = {**arrays, TOLD: np.frombuffer(content, np.uint8)}

    def write(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, **all_arrays)

    with suppress(OSError, RuntimeError):
        write_whole(_path(key), write)


def _path(key: str) -> Path:
    return cache_folder() / FOLDER / f"{key}.npz"
