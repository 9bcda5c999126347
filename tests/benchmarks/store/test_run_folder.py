"""Files written whole or not at all, and read with suspicion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.store import run_folder as storage
from benchmarks.store.results import Failure, Measurement, Point, Reference, Result
from benchmarks.store.run_folder import config_differences, read_json, read_state, remove_drafts, set_aside, write_json
from support.tiny_experiment import MICRO, do

RESULT = Result(
    curve=(Point(0, 0, 0.0, -3.0), Point(100, 0, 1.5, -1.0, 7, "adversarial", {"policy": 0.5}, {"nll_oracle": 2.0})),
    mean_return=-1.0,
    std_return=0.5,
    measures={"distinct_2": 0.25, "entropy": 2.0},
    errors={"entropy": 0.125},
    sequence_nll_oracle=(1.5, 2.25),
    reasons={"nll_oracle": "the task has no oracle"},
    references={"greedy": Reference("greedy oracle sequence", 2.0)},
    oracle_entropy=None,
    samples=("a b", ""),
    evaluation_seconds=0.25,
    versions={"python": "3"},
    best=Measurement(Point(0, 0, 0.0, -3.0), -2.0, {"entropy": 3.0}, {"entropy": 0.25}),
)


def test_results_made_before_spans_were_kept_are_read() -> None:
    content = RESULT.to_json()
    assert content.pop("sample_spans") == ()
    assert Result.from_json(json.loads(json.dumps(content))) == RESULT


def test_result_survives_the_disk(tmp_path: Path) -> None:
    write_json(tmp_path / "result.json", RESULT.to_json())
    assert Result.from_json(read_json(tmp_path / "result.json")) == RESULT


def test_no_draft_is_left_and_nan_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert read_json(tmp_path / "a.json") == {"x": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_writing_that_breaks_off_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "a.json", {"x": 1})

    def full(handle: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_json(tmp_path / "a.json", {"x": 2})
    assert read_json(tmp_path / "a.json") == {"x": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_drafts_of_killed_writers_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".result.json.123.tmp").write_text('{"half":')
    (tmp_path / "config.json").write_text("{}")
    remove_drafts(tmp_path)
    assert os.listdir(tmp_path) == ["config.json"]


def test_states(tmp_path: Path) -> None:
    assert read_state(tmp_path).status == "not started"
    write_json(tmp_path / "config.json", {"seed": 0})
    assert read_state(tmp_path).status == "unfinished"
    write_json(tmp_path / "error.json", {"error": "E: x", "traceback": "..."})
    failed = read_state(tmp_path)
    assert failed.status == "failed"
    assert failed.error == Failure("E: x", "...")
    write_json(tmp_path / "result.json", RESULT.to_json())
    finished = read_state(tmp_path)
    assert finished.status == "finished"
    assert finished.result == RESULT
    assert finished.broken == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"format": 1, "curve": [',
        b"[1, 2]",
        b"\xff\xfe\x00",
        b"null",
        b"[" * 100_000,
        json.dumps(RESULT.to_json() | {"format": 99}).encode(),
        json.dumps(RESULT.to_json() | {"errors": [0.1]}).encode(),
        json.dumps(RESULT.to_json() | {"sequence_nll_oracle": ["1.5"]}).encode(),
        json.dumps({k: v for k, v in RESULT.to_json().items() if k != "measures"}).encode(),
        json.dumps(RESULT.to_json() | {"mean_return": float("nan")}).encode(),
        json.dumps(RESULT.to_json() | {"mean_return": "-1.0"}).encode(),
        json.dumps(RESULT.to_json() | {"curve": []}).encode(),
        json.dumps(RESULT.to_json() | {"curve": [3]}).encode(),
        json.dumps(RESULT.to_json() | {"references": [1]}).encode(),
    ],
)
def test_a_broken_result_is_named_and_never_used(tmp_path: Path, content: bytes) -> None:
    write_json(tmp_path / "config.json", {"seed": 0})
    (tmp_path / "result.json").write_bytes(content)
    state = read_state(tmp_path)
    assert state.status == "unfinished"
    assert state.result is None
    ((path, reason),) = state.broken
    assert path == tmp_path / "result.json"
    assert reason


def test_a_result_of_an_earlier_format_is_refused_by_name(tmp_path: Path) -> None:
    earlier = {key: value for key, value in RESULT.to_json().items() if key not in ("errors", "sequence_nll_oracle")}
    write_json(tmp_path / "config.json", {"seed": 0})
    write_json(tmp_path / "result.json", earlier | {"format": 1})
    assert read_state(tmp_path).broken == ((tmp_path / "result.json", "format=1, expected 3"),)


def test_a_result_without_its_configuration_is_not_used(tmp_path: Path) -> None:
    write_json(tmp_path / "result.json", RESULT.to_json())
    state = read_state(tmp_path)
    assert state.status == "unfinished"
    assert state.result is None
    assert [path.name for path, _ in state.broken] == ["result.json"]


def test_what_is_set_aside_is_kept_under_a_new_name(tmp_path: Path) -> None:
    for content in ("1", "2"):
        (tmp_path / "result.json").write_text(content)
        set_aside(tmp_path / "result.json")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"result.json.broken-1": "1", "result.json.broken-2": "2"}


def test_drafts_of_writers_that_are_gone_are_removed(tmp_path: Path) -> None:
    """Not those of one that lives: a report may be written beside the runs."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = (f".table.md.{gone.pid}.tmp", f"agent.safetensors.{gone.pid}.partial", f".x.{os.getpid()}.tmp")
    lives = f".report.html.{os.getppid()}.tmp"
    for name in (*names, lives, "kept"):
        (tmp_path / name).touch()
    remove_drafts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [lives, "kept"]


def test_what_was_left_by_a_report_that_was_killed_goes_with_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "micro").mkdir()
    draft = tmp_path / "micro" / f".curve.svg.{os.getpid()}.tmp"
    draft.touch()
    do(replace(MICRO, algorithms=MICRO.algorithms[:1]), tmp_path)
    assert not draft.exists()


def test_differences_name_the_setting() -> None:
    found = {"seed": 0, "row": {"total_tokens": 100, "hyperparameters": {"lr": 0.1}}, "old": 1}
    wanted = {"seed": 0, "row": {"total_tokens": 200, "hyperparameters": {"lr": 0.1}}, "new": (1, 2)}
    assert config_differences(found, wanted) == [
        "new: not set there, [1, 2] now",
        "old: 1 there, not set now",
        "row.total_tokens: 100 there, 200 now",
    ]
    assert config_differences({"measures": ["a"]}, {"measures": ("a",)}) == []
