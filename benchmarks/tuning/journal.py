"""Journal of a study: Optuna's own, a line for each of its steps; what was written is verified before it is gone on
with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.store.run_folder import read_sealed, write_sealed
from textgen_env.files import DamagedFile

JOURNAL = "journal.log"
KEPT = "journal.json"
"""File that says how much of the journal was there after the latest trial, and its digest."""
STUDY = "settings"
BEGIN_ANEW = (
    f"nothing was changed: put back what it was, or move {JOURNAL} and {KEPT} to another folder to begin the search "
    "anew"
)


def opened_study(folder: Path, pruner: optuna.pruners.BasePruner, notify: Callable[[str], None]) -> optuna.Study:
    """The study in a folder, or a new one there, to be maximised. The caller holds the folder.

    Raises:
        DamagedFile: the journal is not what was written; nothing is changed then.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / JOURNAL
    _check(path, folder / KEPT, notify)
    # Left by a process that was killed while it wrote: whoever holds the folder is the only one.
    path.with_name(f"{JOURNAL}.lock").unlink(missing_ok=True)
    try:
        storage = JournalStorage(JournalFileBackend(str(path)))
        return optuna.create_study(
            storage=storage, study_name=STUDY, direction="maximize", load_if_exists=True, pruner=pruner
        )
    # Whatever replaying lines of another order may raise.
    except Exception as error:
        raise DamagedFile(path, f"is no journal of a study ({type(error).__name__}: {error})", BEGIN_ANEW) from None


def keep(folder: Path) -> None:
    """Takes down what the journal now holds, by which damage is seen."""
    content = (folder / JOURNAL).read_bytes()
    write_sealed(folder / KEPT, {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def _check(path: Path, kept: Path, notify: Callable[[str], None]) -> None:
    content = path.read_bytes() if path.exists() else b""
    whole = _verified(path, content, kept)
    begun, lines = 0, content.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):
        if not _is_entry(line):
            cut = f", or cut it to its first {whole} bytes, which are as they were" if begun >= whole > 0 else ""
            raise DamagedFile(path, f"is damaged: line {number} is no entry of a study", BEGIN_ANEW + cut)
        begun += len(line) + 1
    if lines[-1]:
        # A process that was killed in the middle of a line has told nobody of it.
        aside = _aside(path)
        aside.write_bytes(lines[-1])
        with path.open("r+b") as file:
            file.truncate(begun)
        notify(f"{path}: the last line was not written whole; it is kept as {aside.name}, and done again")


def _verified(path: Path, content: bytes, kept: Path) -> int:
    """How many bytes are known to be as they were."""
    try:
        said = read_sealed(kept, required=True)
    except FileNotFoundError:
        return 0
    size, digest = said.get("bytes"), said.get("sha256")
    if not isinstance(size, int) or len(content) < size:
        raise DamagedFile(path, f"is shorter than it was: {len(content)} bytes, and there were {size}", BEGIN_ANEW)
    if hashlib.sha256(content[:size]).hexdigest() != digest:
        raise DamagedFile(path, f"is not what it was: the SHA-256 of its first {size} bytes is another", BEGIN_ANEW)
    return size


def _is_entry(line: bytes) -> bool:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and isinstance(entry.get("op_code"), int) and "worker_id" in entry


def _aside(path: Path) -> Path:
    taken = 1
    while (aside := path.with_name(f"{path.name}.broken-{taken}")).exists():
        taken += 1
    return aside
