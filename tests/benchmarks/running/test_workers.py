"""Worker processes that hang, leave children, or end the program: each costs its own run only."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from benchmarks.running import worker
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Algorithm
from benchmarks.store.results import Failure
from benchmarks.store.run_folder import read_state
from support.hanging import HANGING
from support.plug_ins import MET
from support.tiny_experiment import MICRO

ROOT = Path(__file__).resolve().parents[3]
ASKING = """
from benchmarks.running.worker import done_apart
from support.hanging import say_how

if __name__ == "__main__":
    print(done_apart("done in", say_how))
"""
RANDOM = MICRO.algorithms[0]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")


def done(out: Path, *names: str) -> None:
    """Runs of plug-ins, and one of a plain agent after them."""
    rows = tuple(Algorithm(name, f"support.plug_ins:{name}", 10, num_envs=8) for name in names)
    experiment = replace(MICRO, algorithms=(*rows, RANDOM))
    run_experiment(experiment, out, 1, lambda event: None, notify=lambda words: None)
    assert read_state(out / "micro" / "Random" / "seed-0").status == "finished"


def error_of(out: Path, name: str) -> Failure:
    error = read_state(out / "micro" / name / "seed-0").error
    assert error is not None
    return error


@pytest.fixture(params=worker.METHODS)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way to start a process that there is."""
    monkeypatch.setattr(worker, "METHODS", (request.param,))
    return str(request.param)


@pytest.fixture
def met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that plug-ins look for, or leave a process's number in, which is ended at last."""
    path = tmp_path / "met"
    monkeypatch.setenv(MET, str(path))
    yield path
    if path.exists() and path.read_text().isdecimal():
        os.kill(int(path.read_text()), signal.SIGKILL)


@forks
@pytest.mark.usefixtures("method")
def test_children_that_a_run_leaves_do_not_keep_the_command(tmp_path: Path, met: Path) -> None:
    begun = time.monotonic()
    done(tmp_path, "Forks", "ForksAndDies")
    assert time.monotonic() - begun < 500, "they live for 600 seconds"
    assert met.is_file()
    assert read_state(tmp_path / "micro" / "Forks" / "seed-0").status == "finished"
    assert error_of(tmp_path, "ForksAndDies").error.startswith("MachineFailed: its process was ended by SIGKILL before")


@forks
def test_children_of_a_run_end_with_it(tmp_path: Path, met: Path) -> None:
    done(tmp_path, "ForksAndStays")
    child = int(met.read_text())
    for _ in range(1_000):
        if not Path(f"/proc/{child}").exists():
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("it lives on")
    met.unlink()


def hung(out: Path, monkeypatch: pytest.MonkeyPatch, how: str, retry: bool = False, timeout: float = 0.5) -> list[str]:
    """A run in a process that hangs; what was said in words."""
    monkeypatch.setenv(HANGING, how)
    experiment, words = replace(MICRO, algorithms=(RANDOM,)), list[str]()
    modules = ("support.hanging",)
    run_experiment(
        experiment, out, 1, lambda e: None, notify=words.append, timeout=timeout, retry=retry, modules=modules
    )
    return words


@pytest.mark.parametrize("how", ["sleeps", "computes"])
def test_a_run_that_hangs_is_stopped_and_says_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    hung(tmp_path, monkeypatch, how)
    error = error_of(tmp_path, "Random")
    assert error.error.startswith("TimedOut: the 0.5 seconds that it may take (--timeout) were over; it was at File")
    assert "in wait_for_what_never_comes" in error.error
    assert "in execute" in error.traceback
    # It would hang again: no command does it anew unless it is asked to.
    (said,) = (words for words in hung(tmp_path, monkeypatch, how) if "Random" in words)
    assert said.endswith("it is not run again: --retry does")
    assert any("and is run again" in words for words in hung(tmp_path, monkeypatch, how, retry=True))


@forks
def test_one_that_is_stopped_by_a_signal_is_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "GRACE_SECONDS", 0.5)
    hung(tmp_path, monkeypatch, "stops")
    assert error_of(tmp_path, "Random").error.endswith("(--timeout) were over; it did not say where it was")


def test_a_library_that_does_not_load_before_the_run_begins_is_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung(tmp_path, monkeypatch, "lacks a library", timeout=500)
    assert error_of(tmp_path, "Random").error.startswith("MachineFailed: a library does not load (ImportError: libnow")
    hung(tmp_path, monkeypatch, "", timeout=500)
    assert read_state(tmp_path / "micro" / "Random" / "seed-0").status == "finished"


def test_one_that_is_in_time_is_not_stopped(tmp_path: Path) -> None:
    rows = (RANDOM,)
    run_experiment(replace(MICRO, algorithms=rows), tmp_path, 1, lambda event: None, notify=print, timeout=500.0)
    assert read_state(tmp_path / "micro" / "Random" / "seed-0").status == "finished"


def test_an_agent_that_ends_the_program_ends_its_run(tmp_path: Path) -> None:
    done(tmp_path, "Exits")
    assert error_of(tmp_path, "Exits").error == "SystemExit: had enough"


def test_one_that_crashes_says_where(tmp_path: Path) -> None:
    done(tmp_path, "Crashes")
    error = error_of(tmp_path, "Crashes")
    assert error.error.startswith("WorkerDied: its process was ended by SIGSEGV before the run was; it was at File")
    assert "Segmentation fault" in error.traceback


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_timeouts_that_are_none(tmp_path: Path, timeout: float) -> None:
    with pytest.raises(ValueError, match=f"timeout={timeout} must be above 0"):
        run_experiment(MICRO, tmp_path / "out", 1, print, timeout=timeout)
    assert not (tmp_path / "out").exists()


def test_this_process_keeps_no_time(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"timeout=1\.0 is for runs in processes of their own"):
        run_experiment(MICRO, tmp_path / "out", 0, print, timeout=1.0)
    assert not (tmp_path / "out").exists()


def test_a_system_that_gives_no_process_fails_the_run_not_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with monkeypatch.context() as context:
        context.setattr(BaseProcess, "start", start)
        run_experiment(replace(MICRO, algorithms=(RANDOM,)), tmp_path, 1, lambda e: None, notify=lambda words: None)
    assert error_of(tmp_path, "Random").error.startswith("MachineFailed: no process was had for the run (")
    done(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="sockets have paths")
def test_a_temporary_folder_whose_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    """In a process of its own, which has forked none yet."""
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    asked = subprocess.run(
        [sys.executable, "-c", ASKING], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert asked.stdout.strip() == "done in spawn", asked.stderr


@pytest.mark.skipif("forkserver" not in worker.METHODS, reason="ends the process that runs are forked from")
def test_the_end_of_the_process_that_runs_are_forked_from_is_survived(tmp_path: Path, met: Path) -> None:
    done(tmp_path, "EndsItsParent")
    assert error_of(tmp_path, "EndsItsParent").kind in ("WorkerDied", "MachineFailed")
    assert met.is_file()
