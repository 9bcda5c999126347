"""References in a folder: arrays that can be memory-mapped, and numbers in JSON. Nothing is executed by reading."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from textgen_env.metrics.bleu import LengthTable
from textgen_env.metrics.ngrams import NgramTable
from textgen_env.metrics.references import References
from textgen_env.vocabulary import IntArray

FORMAT = "textgen-env n-gram table"
VERSION = 1
NUMBERS = "scorer.json"
ARRAYS = ("words", "length_keys", "length_starts", "groups", "token_ids")


def write(folder: str | PathLike[str], references: References, settings: Mapping[str, Any]) -> None:
    """Writes the references and the settings that belong to them, whole or not at all.

    Raises:
        FileExistsError: the folder exists and is no such folder.
    """
    folder = Path(folder)
    if os.path.lexists(folder) and not _is_saved(folder):
        raise FileExistsError(f"{folder} exists and holds no saved scorer: it is left alone; give another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    arrays = references.arrays()
    content = {
        "format": FORMAT,
        "version": VERSION,
        "settings": dict(settings),
        "token_bits": references.ngrams.token_bits,
        "count_bits": references.ngrams.count_bits,
        "num_groups": references.ngrams.num_groups,
        "length_base": references.lengths.base,
        "sizes": {name: len(array) for name, array in arrays.items()},
    }
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        new, old = draft / "new", draft / "old"
        new.mkdir()
        for name, array in arrays.items():
            with _file(new, name).open("wb") as file:
                np.save(file, array, allow_pickle=False)
                _flush(file)
        with (new / NUMBERS).open("w", encoding="utf-8") as text:
            json.dump(content, text, indent=2)
            _flush(text)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        shutil.rmtree(draft)


def read(folder: str | PathLike[str], mmap: bool) -> tuple[References, dict[str, Any]]:
    """What `write` wrote.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: another version, or damaged.
    """
    folder = Path(folder)
    path = folder / NUMBERS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{folder} holds no saved scorer: {NUMBERS} is missing") from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is of no saved scorer: its format must be {FORMAT!r}")
    if content.get("version") != VERSION:
        raise ValueError(f"{path} has version {content.get('version')!r}; this one reads {VERSION}: save it anew")
    try:
        sizes = {name: _whole(content["sizes"][name]) for name in ARRAYS}
        numbers = [_whole(content[name]) for name in ("token_bits", "count_bits", "num_groups", "length_base")]
        settings = dict(content["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from None
    arrays = {name: _array(_file(folder, name), size, mmap) for name, size in sizes.items()}
    token_bits, count_bits, num_groups, length_base = numbers
    table = NgramTable(arrays["words"], token_bits, count_bits, num_groups)
    lengths = LengthTable(arrays["length_keys"], length_base, arrays["length_starts"])
    references = References(table, lengths, arrays["groups"], arrays["token_ids"])
    wrong = _disagreement(references)
    if wrong:
        raise ValueError(f"{folder} is damaged: {wrong}")
    return references, settings


def _disagreement(references: References) -> str | None:
    """What would make a look-up read outside the arrays, or other than what was written; None if nothing does."""
    table, lengths = references.ngrams, references.lengths
    capacity = len(table.words)
    if capacity < 2 or capacity & (capacity - 1):
        return f"words has {capacity} slots, which is no power of two"
    if (table.num_groups + capacity).bit_length() + table.token_bits + table.count_bits > 63:
        return f"token_bits={table.token_bits} and count_bits={table.count_bits} are too many"
    if len(references.groups) not in (0, table.num_groups) or table.num_groups < 1:
        return f"groups has {len(references.groups)} entries for num_groups={table.num_groups}"
    if not len(references.groups) and table.num_groups != 1:
        return f"groups is empty for num_groups={table.num_groups}"
    starts = lengths.starts
    if len(starts) != table.num_groups + 1 or starts[0] != 0 or starts[-1] != len(lengths.keys):
        return "length_starts does not fit length_keys"
    if lengths.base < 1 or (np.diff(starts) < 1).any():
        return "length_starts does not ascend"
    for name in ("groups", "token_ids", "length_keys"):
        if (np.diff(references.arrays()[name]) < 1).any():
            return f"{name} does not ascend"
    if len(references.token_ids) > 2**table.token_bits:
        return f"token_ids has {len(references.token_ids)} entries, more than token_bits={table.token_bits} hold"
    return None


def _array(path: Path, size: int, mmap: bool) -> IntArray:
    try:
        array = np.asarray(np.load(path, mmap_mode="r" if mmap and size else None, allow_pickle=False))
    except FileNotFoundError:
        raise ValueError(f"{path} is missing") from None
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if array.dtype != np.int64 or array.shape != (size,):
        raise ValueError(f"{path} is damaged: it holds {array.dtype} {array.shape}, expected int64 ({size},)")
    return array


def _is_saved(folder: Path) -> bool:
    """Whether it is a saved scorer, of any version, and nothing more."""
    known = {NUMBERS, *(_file(folder, name).name for name in ARRAYS)}
    if folder.is_symlink() or not (folder / NUMBERS).is_file() or not {p.name for p in folder.iterdir()} <= known:
        return False
    try:
        content = json.loads((folder / NUMBERS).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} must be a whole number >= 0")
    return value
