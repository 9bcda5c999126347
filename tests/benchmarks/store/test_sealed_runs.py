"""A finished run is sealed: a damaged file of it is named, and the result that rests on it made anew."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.analysis.load import collect
from benchmarks.cli import app
from benchmarks.specs.experiment import Algorithm
from benchmarks.store.run_folder import read_state, write_json
from support.tiny_experiment import MICRO, do

EXPERIMENT = replace(
    MICRO,
    algorithms=(
        Algorithm("MLE", "mle", total_tokens=200, num_envs=8, hyperparameters={"embedding_size": 4, "hidden_size": 4}),
    ),
    evaluation=replace(MICRO.evaluation, points=2, measures=(), validation="nll", validation_texts=10),
    baseline="",
)
RUN = Path("micro", "MLE", "seed-0")
FILES = ["config.json", "result.json", "agent.safetensors", "best.safetensors"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every file of the finished run, and of its experiment, by its path."""
    out = tmp_path_factory.mktemp("made")
    assert do(EXPERIMENT, out).ended() == [("MLE", "finished")]
    assert {path.name for path in (out / RUN).iterdir() if not path.name.startswith("events.")} == set(FILES)
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture
def out(made: dict[str, bytes], tmp_path: Path) -> Path:
    for name, content in made.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def flipped(content: bytes, at: int) -> bytes:
    damaged = bytearray(content)
    damaged[at // 8] ^= 1 << at % 8
    return bytes(damaged)


@pytest.mark.parametrize("name", FILES)
def test_no_flipped_bit_is_taken(name: str, out: Path) -> None:
    path, draws, before = out / RUN / name, random.Random(name), read_state(out / RUN)
    assert before.status == "finished"
    whole = path.read_bytes()
    for _ in range(100):
        path.write_bytes(flipped(whole, draws.randrange(8 * len(whole))))
        state = read_state(out / RUN)
        if state.status == "finished":
            # A number whose e has become an E is the same.
            assert (state.result, state.config) == (before.result, before.config)
            assert path.read_bytes().lower() == whole.lower()
        else:
            assert name in {broken.name for broken, _ in state.broken}


DAMAGES: dict[str, Callable[[Path], object]] = {
    # A line's end less is the same content.
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-2]),
    "halved": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"0"),
    "missing": Path.unlink,
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "link": lambda path: (path.rename(path.with_name("elsewhere")), path.symlink_to("elsewhere")),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes that have names")
@pytest.mark.parametrize("name", FILES)
def test_what_is_damaged_is_named_and_not_taken(name: str, made: dict[str, bytes], tmp_path: Path) -> None:
    for kind, damage in DAMAGES.items():
        place = tmp_path / kind
        for file, content in made.items():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_bytes(content)
        damage(place / RUN / name)
        assert read_state(place / RUN).status != "finished", kind
        if (name, kind) != ("result.json", "missing"):
            assert name in " ".join(collect(place / "micro").warnings), kind


@pytest.mark.parametrize(
    ("name", "kind"), [(FILES[0], "pipe"), (FILES[1], "halved"), (FILES[2], "zeros"), (FILES[3], "missing")]
)
def test_what_is_damaged_is_made_anew_as_it_was(name: str, kind: str, made: dict[str, bytes], out: Path) -> None:
    DAMAGES[kind](out / RUN / name)
    heard = do(EXPERIMENT, out)
    assert heard.ended() == [("MLE", "finished")]
    assert name in " ".join(heard.words)
    assert read_state(out / RUN).broken == ()
    for agent in ("agent.safetensors", "best.safetensors"):
        assert (out / RUN / agent).read_bytes() == made[str(RUN / agent)]
    assert do(EXPERIMENT, out).events == []


def test_a_flipped_bit_in_the_manifest_is_told_and_written_anew(made: dict[str, bytes], out: Path) -> None:
    path, draws = out / "micro" / "experiment.json", random.Random(0)
    whole = path.read_bytes()
    for _ in range(50):
        path.write_bytes(flipped(whole, draws.randrange(8 * len(whole))))
        assert "experiment.json is broken" in " ".join(collect(out / "micro").warnings)
    do(EXPERIMENT, out)
    assert path.read_bytes() == made["micro/experiment.json"]


def test_the_attention_of_a_damaged_run_is_not_drawn(out: Path) -> None:
    path = out / RUN / "agent.safetensors"
    path.write_bytes((out / RUN / "best.safetensors").read_bytes() + b"0")
    result = CliRunner().invoke(app, ["plot-attention", str(out / RUN), "--source", "0"])
    assert result.exit_code == 2
    assert "agent.safetensors is not what it was when result.json was written" in result.output


def test_a_result_of_before_there_were_seals_is_taken(out: Path) -> None:
    state = read_state(out / RUN)
    assert state.result is not None
    assert state.config is not None
    write_json(out / RUN / "config.json", state.config)
    write_json(out / RUN / "result.json", state.result.to_json())
    assert read_state(out / RUN) == state
