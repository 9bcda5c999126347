"""A process a run: what one does to the process that it is in reaches no other."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Algorithm, Experiment
from benchmarks.store.run_folder import read_json, read_state
from support.plug_ins import MET
from support.tiny_experiment import MICRO

MLE = MICRO.algorithms[1]
ROOT = Path(__file__).resolve().parents[3]
PRELOADING = """
import sys, threading
import torch

touched = []
for name in ("_lazy_init", "is_available", "device_count"):
    setattr(torch.cuda, name, lambda *arguments, name=name: touched.append(name))
before = torch.random.get_rng_state()
import benchmarks.running.preloaded

kernels = {name for name in sys.modules if name.startswith("textgen_env.kernels.")} - {"textgen_env.kernels.hashing"}
print([*touched, *kernels], torch.equal(before, torch.random.get_rng_state()), threading.active_count())
"""
REACHES = Algorithm("Reaches", "support.plug_ins:Reaches", 10, num_envs=8)


def done(out: Path, *rows: Algorithm, jobs: int = 1) -> None:
    experiment = replace(MICRO, algorithms=rows, baseline="")
    run_experiment(experiment, out, jobs, lambda event: None, notify=lambda words: None)


def bits(out: Path, label: str) -> Any:
    """What a run has left, but for what clocks said."""
    folder = out / "micro" / label / "seed-0"
    state = read_state(folder)
    assert state.status == "finished", state.error
    left = read_json(folder / "result.json")
    del left["evaluation_seconds"], left["digest"]
    for point in left["curve"]:
        del point["seconds"]
    return left, (folder / "agent.safetensors").read_bytes()


def test_what_a_run_does_to_its_process_reaches_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done(tmp_path / "alone", MLE)
    monkeypatch.chdir(tmp_path)
    # A relative path, which would lead elsewhere from another folder.
    done(Path("beside"), REACHES, MLE)
    assert bits(tmp_path / "beside", "MLE") == bits(tmp_path / "alone", "MLE")
    assert read_state(tmp_path / "beside" / "micro" / "Reaches" / "seed-0").status == "finished"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "beside"]


def test_in_this_process_paths_hold_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Moves:
        """Changes the current folder as soon as it hears of a run."""

        def __call__(self, event: object) -> None:
            os.chdir("/")

    monkeypatch.chdir(tmp_path)
    experiment: Experiment = replace(MICRO, algorithms=(MLE,), baseline="")
    run_experiment(experiment, Path("here"), 0, Moves(), notify=lambda words: None)
    assert read_state(tmp_path / "here" / "micro" / "MLE" / "seed-0").status == "finished"


def test_runs_draw_apart_from_generators_that_a_process_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MET, str(tmp_path / "drawn"))
    draws = Algorithm("A", "support.plug_ins:Draws", 10, num_envs=8)
    done(tmp_path, draws, replace(draws, label="B"))
    first, second = (tmp_path / "drawn").read_text().split()
    assert first != second


def test_a_run_has_the_environment_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        monkeypatch.setenv(MET, str(tmp_path / name))
        done(tmp_path / f"out-{name}", Algorithm("A", "support.plug_ins:Draws", 10, num_envs=8))
        assert (tmp_path / name).is_file()


def test_what_runs_share_is_loaded_without_a_trace() -> None:
    """It asks for no device, draws nothing, starts no thread, and loads no kernels, whose bits go by the order."""
    asked = subprocess.run([sys.executable, "-c", PRELOADING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert asked.stdout.split() == ["[]", "True", "1"], asked.stderr
