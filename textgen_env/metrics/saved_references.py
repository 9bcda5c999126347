"""References in a folder: arrays that can be memory-mapped, and numbers in JSON with the digest of every array and of
itself, which reading checks. Nothing is executed by reading."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from textgen_env.archives import read_header
from textgen_env.files import (
    DRAFT,
    DamagedFile,
    UnreadableFile,
    check_seal,
    drafts_of,
    held,
    is_left_behind,
    named_by,
    opened,
    read_json,
    sealed,
    sha256_of,
)
from textgen_env.metrics.bleu import LengthTable
from textgen_env.metrics.ngrams import NgramTable
from textgen_env.metrics.references import References
from textgen_env.vocabulary import IntArray

FORMAT = "textgen-env n-gram table"
VERSION = 2
NUMBERS = "scorer.json"
HELD = "held"
REMEDY = "put back what was saved, or save the scorer anew"
ARRAYS = ("words", "length_keys", "length_starts", "groups", "token_ids")


def write(folder: str | PathLike[str], references: References, settings: Mapping[str, Any]) -> None:
    """Writes the references and the settings that belong to them, whole or not at all; what saves to the same folder
    that were killed have left is put back, if it is all there is, or removed.

    Raises:
        FileExistsError: the folder exists and is no such folder.
    """
    folder = Path(folder)
    if os.path.lexists(folder) and not _is_saved(folder):
        raise FileExistsError(f"{folder} exists and holds no saved scorer: it is left alone; give another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear(folder)
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
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=DRAFT, dir=folder.parent))
    try:
        with held(draft / HELD):
            new, old = draft / "new", draft / "old"
            new.mkdir()
            for name, array in arrays.items():
                with _file(new, name).open("wb") as file:
                    np.save(file, array, allow_pickle=False)
                    _flush(file)
            digests = {name: sha256_of(_file(new, name)) for name in arrays}
            with (new / NUMBERS).open("w", encoding="utf-8") as text:
                json.dump(sealed({**content, "digests": digests}), text, indent=2)
                _flush(text)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
    finally:
        _clear_draft(folder, draft)


def read(folder: str | PathLike[str], mmap: bool) -> tuple[References, dict[str, Any]]:
    """References and settings that `write` wrote.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: another version, or damaged.
    """
    folder = Path(folder)
    path = folder / NUMBERS
    with named_by("", REMEDY):
        try:
            content = read_json(path, links=False)
        except FileNotFoundError:
            raise FileNotFoundError(f"{folder} holds no saved scorer: {NUMBERS} is missing") from None
        if content.get("format") != FORMAT:
            raise DamagedFile(path, f"is of no saved scorer: its format must be {FORMAT!r}")
        if content.get("version") != VERSION:
            raise DamagedFile(path, f"has version {content.get('version')!r}; this one reads {VERSION}: save it anew")
        check_seal(path, content)
        try:
            sizes = {name: _whole(content["sizes"][name]) for name in ARRAYS}
            digests = {name: str(content["digests"][name]) for name in ARRAYS}
            numbers = [_whole(content[name]) for name in ("token_bits", "count_bits", "num_groups", "length_base")]
            settings = dict(content["settings"])
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedFile(path, f"is damaged: {error!r}") from None
        arrays = {name: _array(_file(folder, name), size, digests[name], mmap) for name, size in sizes.items()}
    token_bits, count_bits, num_groups, length_base = numbers
    table = NgramTable(arrays["words"], token_bits, count_bits, num_groups)
    lengths = LengthTable(arrays["length_keys"], length_base, arrays["length_starts"])
    references = References(table, lengths, arrays["groups"], arrays["token_ids"])
    wrong = _disagreement(references)
    if wrong:
        raise DamagedFile(folder, f"is damaged: {wrong}", REMEDY)
    return references, settings


def _disagreement(references: References) -> str | None:
    """The fault that would make a look-up read outside the arrays, or other than what was written; None if there is
    none."""
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


def _array(path: Path, size: int, digest: str, mmap: bool) -> IntArray:
    """The array in a file, of this many numbers and with this digest, neither of which is taken on trust."""
    try:
        with opened(path, links=False) as file:
            declared = read_header(file)
            if declared.dtype != np.int64 or declared.shape != (size,):
                found = f"{declared.dtype} {declared.shape}"
                raise DamagedFile(path, f"is damaged: it holds {found}, expected int64 ({size},)")
            if os.fstat(file.fileno()).st_size != declared.offset + declared.nbytes:
                raise DamagedFile(path, f"is damaged: it does not hold the {declared.nbytes} bytes that it declares")
            file.seek(0)
            written = sha256(file.read(declared.offset))
            # Read once, whichever way.
            array: IntArray = (
                np.memmap(file, np.int64, "r", declared.offset, (size,))
                if mmap and size
                else np.fromfile(file, np.int64, size)
            )
            written.update(array.data)
            if written.hexdigest() != digest:
                raise DamagedFile(path, "is damaged: it is not what was written")
            return np.asarray(array)
    except FileNotFoundError:
        raise DamagedFile(path, "is missing") from None
    except UnreadableFile:
        raise
    # NumPy reads a header by parsing Python.
    except Exception as error:
        raise DamagedFile(path, f"is damaged: {error}") from None


def _clear(folder: Path) -> None:
    """Removes what saves to the folder that were killed have left; where such a one had moved the old content away and
    not yet put the new one there, the old one is put back."""
    for draft in drafts_of(folder):
        if draft.is_dir() and not draft.is_symlink() and (not any(draft.iterdir()) or is_left_behind(draft / HELD)):
            _clear_draft(folder, draft)


def _clear_draft(folder: Path, draft: Path) -> None:
    with suppress(FileNotFoundError):
        if not os.path.lexists(folder):
            (draft / "old").rename(folder)
    shutil.rmtree(draft, ignore_errors=True)


def _is_saved(folder: Path) -> bool:
    """Whether it is a saved scorer, of any version, and nothing more."""
    known = {NUMBERS, *(_file(folder, name).name for name in ARRAYS)}
    if folder.is_symlink() or not (folder / NUMBERS).is_file() or not {p.name for p in folder.iterdir()} <= known:
        return False
    try:
        return read_json(folder / NUMBERS).get("format") == FORMAT
    except UnreadableFile:
        return False


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} must be a whole number >= 0")
    return value
