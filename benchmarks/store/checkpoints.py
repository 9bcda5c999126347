"""Checkpoints of runs: what is kept of one under way, to go on from, in a folder `checkpoint/` in the run's own.

`progress.json` names the files that belong to it, with their sizes and digests, and has a digest of itself. It takes
the place of the one before in a single step, after they are all on the disk; files that it does not name count for
nothing. So the folder holds a whole checkpoint at every moment from the first on, wherever a kill or a crash falls.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.store.lease import Lease
from benchmarks.store.provenance import decisive_differences, versions
from benchmarks.store.results import Point
from benchmarks.store.run_folder import read_sealed, sync_folder, write_sealed
from benchmarks.store.typed_json import read_as
from textgen_env.files import DamagedFile, UnreadableFile, opened, what_is_wrong

CHECKPOINT = "checkpoint"
PROGRESS = "progress.json"
FORMAT = 2


class CheckpointRefused(ValueError):
    """Error: a checkpoint that a run cannot go on from; the message says which file, what was found, and what to do.

    Args:
        place: the checkpoint's folder.
        found: which file, and what is wrong with it.
    """

    def __init__(self, place: Path, found: str) -> None:
        self.place, self.found = place, found
        super().__init__(
            f"{found}. Nothing is started over it: move {place} away to start this run anew, or say so for all such "
            "runs: --anew; or put back what it had"
        )

    def __reduce__(self) -> tuple[type[CheckpointRefused], tuple[Path, str]]:
        return type(self), (self.place, self.found)


@dataclass(frozen=True)
class RunCheckpoint:
    """Checkpoint of a run: where it stands after a point of its curve.

    Attributes:
        settings: digest of the run's configuration, see `benchmarks.specs.experiment.settings_digest`.
        curve: so far; at least one point.
        evaluation_seconds: so far.
        offset: what the curve counts beyond the agent itself: tokens generated, read, rolled out.
        best: which point is best by validation; None without one.
        generators: states of the generators that the training environments draw sources from; none without sources.
        files: what each file is -> its name in the folder.
    """

    settings: str
    curve: tuple[Point, ...]
    evaluation_seconds: float = 0.0
    offset: tuple[int, int, int] = (0, 0, 0)
    best: int | None = None
    generators: tuple[Any, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The checkpoint that `write_run_checkpoint` wrote.

        Raises:
            ValueError: something else.
        """
        try:
            generated, read, rolled_out = (int(count) for count in content["offset"])
            best = content["best"]
            found = cls(
                settings=str(content["settings"]),
                curve=read_as(tuple[Point, ...], content["curve"], "curve"),
                evaluation_seconds=float(content["evaluation_seconds"]),
                offset=(generated, read, rolled_out),
                best=None if best is None else int(best),
                generators=tuple(content["generators"]),
                files={str(what): str(each["name"]) for what, each in content["files"].items()},
            )
        except KeyError as error:
            raise ValueError(f"{error.args[0]!r} is missing") from None
        except (TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not the form of a checkpoint: {error}") from None
        if not found.curve or not math.isfinite(found.evaluation_seconds):
            raise ValueError("the curve has no points, or the seconds are not finite")
        for name in found.files.values():
            if not name or name != Path(name).name:
                raise ValueError(f"files: {name!r} must be the name of a file in the folder")
        if found.best is not None and not 0 <= found.best < len(found.curve):
            raise ValueError(f"best={found.best} is no point of the curve, which has {len(found.curve)}")
        return found


def place_of(folder: Path) -> Path:
    """Where the checkpoint of the run in `folder` lies."""
    return folder / CHECKPOINT


def write_run_checkpoint(folder: Path, checkpoint: RunCheckpoint, lease: Lease) -> None:
    """Makes it the run's checkpoint; its files lie in `place_of(folder)` already, under names that no file of the
    present checkpoint with other content has. What the new one does not name is removed.

    Raises:
        FileNotFoundError, LeaseLost: the run's lease is lost; the checkpoint of another process stays as it is.
    """
    place = place_of(folder)
    described = {}
    for what, name in checkpoint.files.items():
        with (place / name).open("rb+") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            described[what] = {"name": name, "bytes": file.tell(), "sha256": digest}
    sync_folder(place)
    content = {"format": FORMAT, "versions": versions(), **asdict(checkpoint), "files": described}
    write_sealed(place / PROGRESS, content, lease)
    named = {PROGRESS, *checkpoint.files.values()}
    for other in place.iterdir():
        if other.name not in named:
            lease.remove(other)


def read_run_checkpoint(folder: Path, settings: str) -> RunCheckpoint | None:
    """The checkpoint of the run in `folder`, whose settings have this digest; None if there is none.

    Raises:
        CheckpointRefused: one that is truncated or changed, of other settings or other versions.
    """
    place = place_of(folder)
    try:
        content = read_sealed(place / PROGRESS, required=True)
        if content.get("format") != FORMAT:
            raise ValueError(f"format={content.get('format')!r}, this code reads {FORMAT}")
        checkpoint = RunCheckpoint.from_json(content)
        made_with = {str(name): str(each) for name, each in dict(content["versions"]).items()}
        described = [dict(each) for each in content["files"].values()]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointRefused(place, f"{place / PROGRESS} is no whole checkpoint: {what_is_wrong(error)}") from None
    if checkpoint.settings != settings:
        raise CheckpointRefused(place, f"{place / PROGRESS} is of another configuration than the run's")
    differing = decisive_differences(made_with, versions())
    if differing:
        raise CheckpointRefused(
            place, f"{place / PROGRESS} is of what may give other numbers than here: {'; '.join(differing)}"
        )
    for each in described:
        _check_file(place, each)
    return checkpoint


def progress_of(folder: Path) -> tuple[int, int]:
    """How far the checkpoint of the run in `folder` has come: the points of its curve, and the tokens spent until the
    last; (0, 0) where there is none that can be read. Its files are not checked, as `read_run_checkpoint` does.
    """
    try:
        curve = RunCheckpoint.from_json(read_sealed(place_of(folder) / PROGRESS, required=True)).curve
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0
    return len(curve), curve[-1].tokens_spent


def remove_run_checkpoint(folder: Path, lease: Lease) -> None:
    """Removes it, if there is one: at no moment is there one that is not whole.

    Raises:
        LeaseLost: the run's lease is lost; nothing is removed.
    """
    lease.remove(place_of(folder))
    sync_folder(folder)


def _check_file(place: Path, described: Mapping[str, Any]) -> None:
    path = place / str(described.get("name"))
    try:
        with opened(path, links=False) as file:
            size = os.fstat(file.fileno()).st_size
            if size != described.get("bytes"):
                raise DamagedFile(
                    path, f"holds {size} bytes, but {described.get('bytes')} were written: it is truncated"
                )
            if hashlib.file_digest(file, "sha256").hexdigest() != described.get("sha256"):
                raise DamagedFile(path, "is not what was written: its SHA-256 is another")
    except FileNotFoundError:
        raise CheckpointRefused(place, f"{path} is missing") from None
    except UnreadableFile as error:
        raise CheckpointRefused(place, f"{path} {error.wrong}") from None
