"""Folders of runs on disk: each file written whole or not at all, by the process that holds the run's lease."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from benchmarks.specs.file_digests import by_content
from benchmarks.store.lease import Lease
from benchmarks.store.old_form import in_new_form
from benchmarks.store.results import Failure, Result
from textgen_env import files
from textgen_env.files import (
    DIGEST,
    DRAFT,
    UnreadableFile,
    check_seal,
    is_left_behind,
    sealed,
    sha256_of,
    what_is_wrong,
)
from textgen_env.files import sync_folder as sync_folder
from textgen_env.files import write_whole as write_whole

Status = Literal["finished", "failed", "unfinished", "not started"]
CONFIG = "config.json"
RESULT = "result.json"
ERROR = "error.json"
AGENT = "agent.safetensors"
BEST = "best.safetensors"
REWARD = "reward.safetensors"
"""File of what a reward that learns had learned when the training ended."""
SEALED = "sealed"
RESTS_ON = "rests_on"
"""Where a result names the files that it rests on: name -> SHA-256."""


@dataclass(frozen=True)
class RunState:
    """State of a run: what its folder holds.

    Attributes:
        status: "finished" has a result, "failed" an error of its own; "unfinished" was started and has neither
            (interrupted, or failed by the machine, or still running); "not started" has no configuration.
        config: as `Run.to_config` gave it, or None.
        result: of a finished run.
        error: of a failed one, or of the machine.
        broken: files that cannot be read, or are not what they were when the result was written, with the reason; they
            count as absent, and a result that rests on them too.
    """

    status: Status
    config: dict[str, Any] | None = None
    result: Result | None = None
    error: Failure | None = None
    broken: tuple[tuple[Path, str], ...] = ()


def write_text(path: Path, text: str, lease: Lease | None = None) -> None:
    """Writes a text as `write_whole` does; under a lease as `Lease.write_whole`."""
    (write_whole if lease is None else lease.write_whole)(path, partial(_write, text))


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any], lease: Lease | None = None) -> None:
    """Writes JSON as `write_text` does; any mapping as an object.

    Raises:
        ValueError: NaN or inf in it.
    """
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=dict) + "\n", lease)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a folder of results, where links are not followed.

    Raises:
        FileNotFoundError: no such file.
        textgen_env.files.UnreadableFile: not readable, no object, larger or deeper than what is written there.
    """
    return files.read_json(path, links=False)


def write_sealed(path: Path, content: Mapping[str, Any], lease: Lease | None = None) -> None:
    """Writes JSON as `write_json` does, with a digest of itself."""
    write_json(path, sealed({**content, SEALED: True}), lease)


def read_sealed(path: Path, required: bool = False) -> dict[str, Any]:
    """Content that `write_sealed` wrote; or that `write_json` wrote, as everything was before there were seals.

    Args:
        path: of the file.
        required: whether it must have a seal.

    Raises:
        FileNotFoundError: no such file.
        textgen_env.files.UnreadableFile: as `read_json`; or another content than was sealed.
    """
    content = read_json(path)
    if required or content.keys() & {SEALED, DIGEST}:
        check_seal(path, content)
    return {key: value for key, value in content.items() if key not in (SEALED, DIGEST)}


def write_result(folder: Path, result: Result, lease: Lease) -> None:
    """Seals a run: `result.json` names each file that the result rests on with its SHA-256."""
    there = [name for name in (CONFIG, AGENT, BEST, REWARD) if (folder / name).exists()]
    rests_on = {name: sha256_of(folder / name, links=False) for name in there}
    write_sealed(folder / RESULT, {**result.to_json(), RESTS_ON: rests_on}, lease)


def _differing(folder: Path, content: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """The files that a result rests on and that are not what they were, each with the reason; one that is missing, or
    of another kind, tells against the result."""
    rests_on = content.get(RESTS_ON, {})
    if not isinstance(rests_on, Mapping) or not rests_on.keys() <= {CONFIG, AGENT, BEST, REWARD}:
        return [(folder / RESULT, f"{RESTS_ON!r} does not name files of a run")]
    found: list[tuple[Path, str]] = []
    for name, digest in rests_on.items():
        try:
            if sha256_of(folder / name, links=False) != digest:
                found.append((folder / name, f"is not what it was when {RESULT} was written: its SHA-256 is another"))
        except FileNotFoundError:
            found.append((folder / RESULT, f"{name}, which it rests on, is missing"))
        except UnreadableFile as error:
            found.append((folder / name, error.wrong))
    return found


def read_state(folder: Path) -> RunState:
    """The state of the run in `folder`; changes nothing."""
    broken: list[tuple[Path, str]] = []
    read: dict[str, dict[str, Any]] = {}
    for name in (CONFIG, RESULT, ERROR):
        try:
            read[name] = read_sealed(folder / name)
        except FileNotFoundError:
            continue
        except ValueError as error:
            broken.append((folder / name, what_is_wrong(error)))
    config = None if CONFIG not in read else in_new_form(read[CONFIG])
    if config is None:
        # A result whose settings are unknown cannot be told from one of other settings.
        broken.extend(
            (folder / name, "its config.json is missing or broken") for name in (RESULT, ERROR) if name in read
        )
        return RunState("unfinished" if broken else "not started", broken=tuple(broken))
    if RESULT in read:
        try:
            result = Result.from_json(read[RESULT])
        except ValueError as error:
            broken.append((folder / RESULT, str(error)))
        else:
            differing = _differing(folder, read[RESULT])
            if not differing:
                return RunState("finished", config, result, broken=tuple(broken))
            broken += differing
    if ERROR in read:
        failure = Failure.from_json(read[ERROR])
        status: Status = "unfinished" if failure.of_the_machine else "failed"
        return RunState(status, config, error=failure, broken=tuple(broken))
    return RunState("unfinished", config, broken=tuple(broken))


def set_aside(path: Path) -> Path:
    """Renames a file to `<name>.broken-<n>`, so that it is kept and never read again; returns the new path."""
    taken = 1
    while (aside := path.with_name(f"{path.name}.broken-{taken}")).exists():
        taken += 1
    os.replace(path, aside)
    return aside


def remove_drafts(folder: Path) -> None:
    """Removes what writers that were killed left in a folder; not what one that lives is writing."""
    for draft in folder.glob(f".*{DRAFT}"):
        if is_left_behind(draft):
            draft.unlink(missing_ok=True)
    for pattern in (".*.tmp", "*.partial"):
        for draft in folder.glob(pattern):
            if not _lives(draft.name.split(".")[-2]):
                draft.unlink(missing_ok=True)


def _lives(writer: str) -> bool:
    """Whether another process has this number, which a draft is named by."""
    # To ask for a process by its number ends it on Windows.
    if os.name == "nt" or not writer.isdecimal() or int(writer) == os.getpid():
        return False
    try:
        os.kill(int(writer), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def config_differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """One line for each setting in which two configurations differ: "algorithm.total_tokens: 1000 there, 2000 now";
    files count by what they hold."""
    contents = by_content(found), by_content(wanted)
    if contents[0] == contents[1]:
        return []
    there, now = (_flat(settings) for settings in contents)
    return [
        f"{key}: {_shown(there, key)} there, {_shown(now, key)} now"
        for key in sorted(there.keys() | now.keys())
        if _shown(there, key) != _shown(now, key)
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _shown(settings: Mapping[str, Any], key: str) -> str:
    return json.dumps(settings[key], ensure_ascii=False) if key in settings else "not set"
