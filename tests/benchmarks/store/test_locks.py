"""Two processes do not work in one folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from benchmarks.running import scheduler as run
from benchmarks.running.scheduler import run_experiment
from benchmarks.running.workers import Event
from benchmarks.store.run_folder import LOCK, FolderInUse, lock_folders
from support.tiny_experiment import MICRO, do

FAST = replace(MICRO, algorithms=MICRO.algorithms[:1], seeds=(0,))
HOLD = "import sys, time\nfrom pathlib import Path\nfrom benchmarks.store.run_folder import lock_folders\n"
HOLD += "with lock_folders([Path(sys.argv[1])]):\n    print('held', flush=True)\n    time.sleep(60)"


def test_a_folder_in_use_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / FAST.name
    folder.mkdir()
    with FileLock(folder / LOCK):
        with pytest.raises(FolderInUse, match=r"another process is at work there\. Nothing was run"):
            do(FAST, tmp_path)
        assert [path.name for path in folder.iterdir()] == [LOCK]
    do(FAST, tmp_path)
    assert (folder / FAST.algorithms[0].label / "seed-0" / "result.json").is_file()


def test_so_is_one_whose_runs_are_shared(tmp_path: Path) -> None:
    shared = replace(FAST, name="picture", shared={FAST.algorithms[0].label: FAST.name})
    with lock_folders([tmp_path / FAST.name]), pytest.raises(FolderInUse, match=FAST.name):
        run_experiment(shared, tmp_path, 0, print, notify=print)
    # What was taken before the one that could not be had is free again.
    with lock_folders([tmp_path / "picture"]):
        pass


def test_what_another_process_finished_until_the_folder_was_free_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def taken_late(folders: Iterable[Path]) -> Iterator[None]:
        monkeypatch.undo()
        do(FAST, tmp_path)
        with lock_folders(folders):
            yield

    monkeypatch.setattr(run, "lock_folders", taken_late)
    heard: list[Event] = []
    run_experiment(FAST, tmp_path, 0, heard.append, notify=lambda words: None)
    assert heard == []


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=root, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(FolderInUse), lock_folders([tmp_path]):
            pass
        holder.kill()
        holder.wait()
    with lock_folders([tmp_path]):
        pass
