"""Checkpoints: what is refused, what is kept, and what is left when a run has ended."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.policy_gradient.reinforce import Reinforce
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.store.checkpoints import (
    CheckpointRefused,
    RunCheckpoint,
    place_of,
    read_run_checkpoint,
    remove_run_checkpoint,
    write_run_checkpoint,
)
from benchmarks.store.leases import Leases
from benchmarks.store.provenance import DECISIVE
from benchmarks.store.results import Point
from benchmarks.store.run_folder import read_json, read_state, write_sealed
from textgen_env.kernels import SWITCH, kernels

CURVE = (Point(0, 0, 0.0, -3.0), Point(64, 0, 0.5, -2.0, 8, "mle", {"nll": 1.0}, {"nll_oracle": 2.0}))
SMALL = {"vocab_size": 8, "max_length": 3, "train_size": 40, "test_size": 40}
ROW = Algorithm(
    "R",
    "reinforce",
    200,
    hyperparameters={"hidden_size": 4, "batch_size": 16},
    num_envs=8,
)
EVALUATION = Evaluation(2, 8, 16, 10, 1, ("nll_test",))
EXPERIMENT = Experiment("x", "d", "TextGen-OracleSmall-v0", (ROW,), SMALL, (0,), EVALUATION)


def kept(folder: Path, number: int = 1, settings: str = "s") -> RunCheckpoint:
    place_of(folder).mkdir(exist_ok=True)
    (place_of(folder) / f"agent-{number}.safetensors").write_bytes(b"weights" * number)
    checkpoint = RunCheckpoint(
        settings, CURVE, 1.5, (1, 2, 3), 0, ({"state": 2**100},), {"agent": f"agent-{number}.safetensors"}
    )
    with Leases() as leases:
        lease = leases.claim(folder)
        assert lease is not None
        write_run_checkpoint(folder, checkpoint, lease)
    return checkpoint


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_run_checkpoint(tmp_path, "s") is None
    kept(tmp_path)
    written = kept(tmp_path, 2)
    assert read_run_checkpoint(tmp_path, "s") == written
    assert sorted(path.name for path in place_of(tmp_path).iterdir()) == ["agent-2.safetensors", "progress.json"]
    with Leases() as leases:
        lease = leases.claim(tmp_path)
        assert lease is not None
        remove_run_checkpoint(tmp_path, lease)
    assert read_run_checkpoint(tmp_path, "s") is None
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_not_named_count_for_nothing(tmp_path: Path) -> None:
    place_of(tmp_path).mkdir()
    (place_of(tmp_path) / "agent-1.safetensors").write_bytes(b"half")
    assert read_run_checkpoint(tmp_path, "s") is None


def changed(**changes: Any) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        content = read_json(place / "progress.json")
        kept = {key: value for key, value in content.items() if key not in ("digest", "sealed")}
        write_sealed(place / "progress.json", kept | changes)

    return change


def cut(name: str, size: int) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        content = (place / name).read_bytes()
        (place / name).write_bytes(content[:size] if size else b"W" + content[1:])

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut("agent-1.safetensors", 3), r"agent-1.safetensors holds 3 bytes, but 7 were written: it is truncated"),
        (cut("agent-1.safetensors", 0), r"agent-1.safetensors is not what was written"),
        (lambda place: (place / "agent-1.safetensors").unlink(), r"agent-1.safetensors is missing"),
        (cut("progress.json", 100), r"progress.json is no whole checkpoint: holds no readable JSON"),
        (changed(format=9), r"progress.json is no whole checkpoint: format=9, this code reads 2"),
        (changed(curve=[]), r"no points"),
        (changed(curve=[{}]), r"'tokens_generated' is missing"),
        (changed(files=[1]), r"progress.json is no whole checkpoint"),
        (changed(best=7), r"best=7 is no point of the curve"),
        (changed(versions={}), r"of what may give other numbers than here: textgen-env None there"),
        (changed(versions=3), r"progress.json is no whole checkpoint"),
        (changed(settings="other"), r"is of another configuration"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused_by_name(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    kept(tmp_path)
    damage(place_of(tmp_path))
    with pytest.raises(CheckpointRefused, match=said) as refused:
        read_run_checkpoint(tmp_path, "s")
    assert f"move {place_of(tmp_path)} away" in str(refused.value)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    kept(tmp_path)
    path, draws = place_of(tmp_path) / "progress.json", random.Random(0)
    whole = path.read_bytes()
    for _ in range(200):
        damaged, at = bytearray(whole), draws.randrange(8 * len(whole))
        damaged[at // 8] ^= 1 << at % 8
        path.write_bytes(bytes(damaged))
        # The e of 1e-05 may have become an E.
        if bytes(damaged).lower() == whole.lower():
            continue
        with pytest.raises(CheckpointRefused, match=r"progress\.json"):
            read_run_checkpoint(tmp_path, "s")


@pytest.mark.parametrize("name", ["../agent-1.safetensors", "a/b", ".", ""])
def test_files_of_other_folders_are_no_part_of_it(tmp_path: Path, name: str) -> None:
    kept(tmp_path)
    changed(files={"agent": {"name": name, "bytes": 7, "sha256": ""}})(place_of(tmp_path))
    with pytest.raises(CheckpointRefused, match="must be the name of a file in the folder"):
        read_run_checkpoint(tmp_path, "s")


class Stopped(BaseException):
    """Ends a run as a kill does."""


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that was stopped after its second point."""
    inner = Reinforce.train

    def train(self: Any, envs: Any, total_tokens: int, callback: Any = None) -> Any:
        if self.tokens_generated:
            raise Stopped
        return inner(self, envs, total_tokens, callback)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Reinforce, "train", train)
        done(tmp_path)
    return tmp_path / "x" / "R" / "seed-0"


def done(out: Path, experiment: Experiment = EXPERIMENT, **options: Any) -> list[str]:
    words: list[str] = []
    run_experiment(experiment, out, 0, lambda event: None, notify=words.append, **options)
    return words


def test_a_run_starts_nothing_over_a_checkpoint_that_it_cannot_go_on_from(interrupted: Path, tmp_path: Path) -> None:
    progress = interrupted / "checkpoint" / "progress.json"
    (agent,) = interrupted.glob("checkpoint/agent-*.safetensors")
    agent.write_bytes(agent.read_bytes()[:-10])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(CheckpointRefused, match="is truncated"):
        done(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    (interrupted / "config.json").unlink()
    with pytest.raises(CheckpointRefused, match="of another configuration"):
        done(tmp_path, replace(EXPERIMENT, algorithms=(replace(ROW, total_tokens=300),)))
    assert not (interrupted / "config.json").exists()
    (interrupted / "checkpoint").rename(tmp_path / "moved")
    done(tmp_path)
    assert read_state(interrupted).status == "finished"
    assert not progress.exists()


@pytest.mark.skipif(kernels("ngrams") is None, reason="there are no compiled loops to do without")
def test_a_run_begun_with_compiled_loops_is_not_gone_on_with_without_them(
    interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which would leave other bits; but it is begun anew where that is asked for, and what there was is kept."""
    monkeypatch.setenv(SWITCH, "0")
    with pytest.raises(CheckpointRefused, match=r"loops compiled there, plain here.* --anew"):
        done(tmp_path)
    assert read_state(interrupted).status == "unfinished"
    words = done(tmp_path, anew=True)
    (said,) = (line for line in words if "is begun anew" in line)
    assert "loops compiled there, plain here" in said
    assert said.endswith("kept as checkpoint.broken-1")
    state = read_state(interrupted)
    assert state.result is not None
    assert state.result.versions["loops"] == "plain"
    assert (interrupted / "checkpoint.broken-1" / "progress.json").is_file()


@pytest.mark.parametrize("name", DECISIVE)
def test_each_thing_that_bits_depend_on_is_kept_and_compared(interrupted: Path, tmp_path: Path, name: str) -> None:
    place = interrupted / "checkpoint"
    made_with = read_json(place / "progress.json")["versions"]
    changed(versions={**made_with, name: "another"})(place)
    with pytest.raises(CheckpointRefused, match=f"{name} another there, {re.escape(made_with[name])} here"):
        done(tmp_path)


def test_what_bits_do_not_depend_on_is_kept_alone(interrupted: Path, tmp_path: Path) -> None:
    place = interrupted / "checkpoint"
    made_with = read_json(place / "progress.json")["versions"]
    assert made_with.keys() >= {"threads", "processors", "platform", "python"}
    changed(versions={**made_with, "threads": "99", "processors": "99"})(place)
    done(tmp_path)
    assert read_state(interrupted).status == "finished"


def test_what_was_interrupted_goes_on_from_its_last_point(interrupted: Path, tmp_path: Path) -> None:
    before = read_json(interrupted / "checkpoint" / "progress.json")["curve"]
    assert len(before) == 2
    done(tmp_path)
    result = read_json(interrupted / "result.json")
    # Not even the seconds of what had been done are counted anew.
    assert result["curve"][:2] == before
    assert not (interrupted / "checkpoint").exists()


def test_a_checkpoint_left_beside_a_result_is_removed(tmp_path: Path) -> None:
    done(tmp_path)
    folder = tmp_path / "x" / "R" / "seed-0"
    kept(folder)
    done(tmp_path)
    assert not (folder / "checkpoint").exists()


def test_a_run_that_diverges_keeps_its_curve_and_its_last_finite_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = Reinforce.losses

    def losses(self: Any, episodes: Any) -> Any:
        found = inner(self, episodes)
        return found if self.tokens_generated < 150 else {**found, "policy": found["policy"] * float("nan")}

    folder = tmp_path / "x" / "R" / "seed-0"
    with monkeypatch.context() as patch:
        patch.setattr(Reinforce, "losses", losses)
        done(tmp_path)
        state = read_state(folder)
        assert state.error is not None
        assert state.error.diverged
        assert "policy is nan" in state.error.error
        assert [point.tokens_generated >= least for point, least in zip(state.error.curve, (0, 100), strict=True)]
        assert state.error.last is not None
        assert state.error.last.point == state.error.curve[-1]
        assert state.error.last.measures["nll_test"] > 0
        again = done(tmp_path)
        tokens = state.error.curve[-1].tokens_spent
        assert any(f"x/R/seed-0 diverged before after {tokens} tokens" in words for words in again)
        assert any("it is not run again: --retry does" in words for words in again)
    assert read_state(folder).status == "failed"
    assert any("is run again" in words for words in done(tmp_path, retry=True))
    assert read_state(folder).status == "finished"
