"""Failures of the machine: told apart from the agent's, tried again by the same command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import SafetensorError

from benchmarks.analysis.load import collect
from benchmarks.running.machine_failures import machine_failure
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Algorithm
from benchmarks.store.results import Failure
from benchmarks.store.run_folder import read_state
from support.plug_ins import MET
from support.tiny_experiment import MICRO, Heard, do

MLE = replace(MICRO.algorithms[1], hyperparameters={"hidden_size": 8})


def done(out: Path, name: str) -> Heard:
    row = Algorithm(name, f"support.plug_ins:{name}", 10, num_envs=8)
    return do(replace(MICRO, algorithms=(row,), baseline=""), out)


def error_of(out: Path, name: str) -> Failure:
    error = read_state(out / "micro" / name / "seed-0").error
    assert error is not None
    return error


@pytest.fixture
def met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file whose being there gives plug-ins what they want."""
    monkeypatch.setenv(MET, str(tmp_path / "met"))
    return tmp_path / "met"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NoSpace", "no space is left for /full/of/it, where "),
        ("NoSpaceUnnamed", "no space is left for {out}/micro/NoSpaceUnnamed/seed-0, where "),
        ("NoQuota", "no space is left for /home/me/buffer, where "),
        ("NoMemory", "no memory is left ("),
        ("NoTensorMemory", "no memory is left, or the device fails (RuntimeError: "),
        ("NoDeviceMemory", "no memory is left, or the device fails (OutOfMemoryError: CUDA out of memory"),
        ("NoLibrary", "a library does not load (OSError: libnowhere-of-this-name.so.1: cannot open shared object"),
        ("NoExtension", "a library does not load (ImportError: libcudart.so.99: cannot open shared object"),
    ],
)
def test_what_the_machine_lacks_is_said_and_tried_again(tmp_path: Path, met: Path, name: str, said: str) -> None:
    assert done(tmp_path, name).ended() == [(name, "failed")]
    assert error_of(tmp_path, name).error.startswith("MachineFailed: " + said.format(out=tmp_path))
    # It is no failure of the agent's: the table lacks it, as it would if the run had been interrupted.
    (row,) = collect(tmp_path / "micro").algorithms
    assert row.count == "0/1, 1 missing"
    assert row.records[0].story.startswith("unfinished: MachineFailed: ")
    met.touch()
    again = done(tmp_path, name)
    assert again.ended() == [(name, "finished")]
    assert any(words.endswith("and is run again") for words in again.words)


def test_so_is_what_starts_from_such_a_run(tmp_path: Path, met: Path) -> None:
    first = Algorithm("NoSpace", "support.plug_ins:NoSpace", 10, num_envs=8)
    heir = Algorithm("Heir", "mle", 100, hyperparameters={"hidden_size": 8}, num_envs=8, init_from="NoSpace")
    do(replace(MICRO, algorithms=(first, heir), baseline=""), tmp_path)
    assert error_of(tmp_path, "Heir").error.startswith(
        "MachineFailed: this run starts from micro/NoSpace/seed-0, which is unfinished: MachineFailed: no space"
    )


def test_what_the_agent_got_wrong_is_its_own(tmp_path: Path, met: Path) -> None:
    done(tmp_path, "NoFile")
    assert error_of(tmp_path, "NoFile").error.startswith("FileNotFoundError: ")
    met.touch()
    assert done(tmp_path, "NoFile").ended() == []


@pytest.mark.parametrize(
    "error",
    [
        ValueError("hidden_size=-1"),
        ModuleNotFoundError("No module named 'mine'"),
        ImportError("cannot import name 'x' from 'y'"),
        OSError("no such thing"),
        PermissionError(13, "Permission denied", "/x"),
        RuntimeError("CUDA error: device-side assert triggered"),
        FloatingPointError("diverged"),
    ],
)
def test_other_errors_are_not_the_machines(error: Exception, tmp_path: Path) -> None:
    assert machine_failure(error, tmp_path) is None


def test_a_library_of_another_language_says_it_in_its_own_words(tmp_path: Path) -> None:
    error = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    said = machine_failure(error, tmp_path)
    assert said is not None
    assert said.startswith(f"MachineFailed: no space is left for {tmp_path}, where ")
    assert machine_failure(RuntimeError("CUDA error: out of memory"), tmp_path) is not None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounts a disk, which root alone may")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("jobs", [0, 1])
@pytest.mark.parametrize("free", [0, 4_096, 24_576])
def test_a_full_disk_costs_no_run_its_result(small_disk: Path, jobs: int, free: int) -> None:
    experiment = replace(MICRO, algorithms=(MLE,), baseline="")
    heard: list[str] = []

    def command() -> None:
        run_experiment(experiment, small_disk, jobs, lambda e: heard.append(e.message), notify=lambda words: None)

    (small_disk / "micro" / "MLE" / "seed-0").mkdir(parents=True)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        file.write(bytes(shutil.disk_usage(small_disk).free - free))
    try:
        command()
    except OSError as error:
        heard.append(str(error))
    assert any("No space left on device" in words and str(small_disk) in words for words in heard), heard
    assert read_state(small_disk / "micro" / "MLE" / "seed-0").status != "finished"
    filler.unlink()
    command()
    assert read_state(small_disk / "micro" / "MLE" / "seed-0").status == "finished"
