"""Runs that several processes share: each is done once, by whoever holds its lease."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.running.executor import Event
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import runs_of
from benchmarks.store import lease as leasing
from benchmarks.store.lease import Lease, claimed
from benchmarks.store.results import Failure
from benchmarks.store.run_folder import read_state, write_sealed
from support.tiny_experiment import MICRO, do

FAST = replace(MICRO, algorithms=MICRO.algorithms[:2])
RANDOM, MLE = (run.name for run in runs_of(FAST))


def of_another_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Lease:
    with monkeypatch.context() as there:
        there.setattr(leasing, "kernel", lambda: "0123456789ab")
        lease = claimed(folder, None)
    assert lease is not None
    return lease


def test_what_another_finishes_meanwhile_is_heard_of_and_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(FAST, tmp_path / "there")
    held = of_another_machine(tmp_path / "here" / RANDOM, monkeypatch)
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if (event.kind, event.run.name) == ("finished", MLE):
            # The other machine writes what it would write, and releases.
            for path in (tmp_path / "there" / RANDOM).iterdir():
                held.write_whole(held.folder / path.name, lambda draft, path=path: draft.write_bytes(path.read_bytes()))
            held.release()

    run_experiment(FAST, tmp_path / "here", 0, listen, notify=lambda words: None)
    said = [(event.kind, event.run.name) for event in heard if event.kind != "advanced"]
    assert said == [("started", MLE), ("finished", MLE), ("finished", RANDOM)]
    assert list((tmp_path / "here" / RANDOM).glob(".lease-*")) == []


def test_what_fails_elsewhere_is_heard_of_and_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = of_another_machine(tmp_path / RANDOM, monkeypatch)
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if (event.kind, event.run.name) == ("finished", MLE):
            write_sealed(held.folder / "config.json", runs_of(FAST)[0].to_config(), held)
            write_sealed(held.folder / "error.json", Failure("ValueError: of its own").to_json(), held)
            held.release()

    run_experiment(FAST, tmp_path, 0, listen, notify=lambda words: None)
    assert [(each.kind, each.message) for each in heard if each.run.name == RANDOM] == [
        ("failed", "ValueError: of its own")
    ]


def test_what_a_machine_held_that_is_gone_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = of_another_machine(tmp_path / RANDOM, monkeypatch)
    long_ago = time.time_ns() - 10**12
    os.utime(held.place, ns=(long_ago, long_ago))
    heard: list[Event] = []
    run_experiment(FAST, tmp_path, 0, heard.append, notify=lambda words: None, stale_after=0.3)
    assert [(e.kind, e.run.name) for e in heard if e.kind != "advanced"] == [
        ("started", MLE),
        ("finished", MLE),
        ("started", RANDOM),
        ("finished", RANDOM),
    ]


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_run_whose_lease_is_lost_is_ended_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    """Another machine takes it over while it is under way, and finishes it."""
    do(FAST, tmp_path / "there")
    out, heard = tmp_path / "here", list[Event]()
    folder = out / MLE

    def listen(event: Event) -> None:
        heard.append(event)
        if (event.kind, event.run.name) == ("started", MLE):
            found = leasing.standing(folder)
            assert found is not None
            thief = claimed(folder, found)
            assert thief is not None
            for path in (tmp_path / "there" / MLE).glob("*.*s*"):
                thief.write_whole(folder / path.name, lambda draft, path=path: draft.write_bytes(path.read_bytes()))
            thief.release()

    run_experiment(FAST, out, jobs, listen, notify=lambda words: None, stale_after=1.0)
    assert [e.kind for e in heard if e.run.name == MLE and e.kind != "advanced"] == ["started", "taken", "finished"]
    assert (folder / "result.json").read_bytes() == (tmp_path / "there" / MLE / "result.json").read_bytes()
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("events.")) == [
        "agent.safetensors",
        "config.json",
        "result.json",
    ]
    assert read_state(folder).status == "finished"


def test_a_checkpoint_that_another_left_and_that_cannot_be_gone_on_with_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = of_another_machine(tmp_path / RANDOM, monkeypatch)
    words: list[str] = []

    def listen(event: Event) -> None:
        if (event.kind, event.run.name) == ("finished", MLE):
            (held.folder / "checkpoint").mkdir()
            (held.folder / "checkpoint" / "progress.json").write_text("{}")
            held.release()

    run_experiment(FAST, tmp_path, 0, listen, notify=words.append)
    assert any(said.startswith(f"{RANDOM} is left to others:") and "--anew" in said for said in words)
    assert read_state(tmp_path / RANDOM).status == "not started"
