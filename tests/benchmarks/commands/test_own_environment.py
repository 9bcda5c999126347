"""`train --env module:id`: an environment that a module of one's own registers, from the current folder too."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app

GAME = """
from textgen_env import register_environment

register_environment(
    "{namespace}/Letters-v0", "oracle", "likelihood", vocab_size=10, max_length=5, train_size=50, test_size=20
)
"""
SHORT = ["--tokens", "500", "--seeds", "1", "--jobs", "1"]
FEW = ["--set", "evaluation.points=1", "--set", "evaluation.final_episodes=16", "--set", "evaluation.measures=[]"]


def said(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "300"})
    return result.exit_code, " ".join(result.output.split())


def test_it_is_trained_in_and_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own_letters.py").write_text(GAME.format(namespace="OwnLetters"))
    code, words = said("train", "--agent", "mle", "--env", "own_letters:OwnLetters/Letters-v0", *SHORT, *FEW)
    assert code == 0, words
    run = "runs/Letters-v0-mle/mle/seed-0"
    code, words = said("sample", run, "--n", "2")
    assert code == 2
    assert "is an import path" in words, "who reads the folder need not trust the module"
    code, words = said("sample", run, "--n", "2", "--trust")
    assert code == 0, words
    assert words.startswith("log_prob score text")


@pytest.mark.parametrize(
    ("env_id", "words"),
    [
        ("nothing_there:Mine-v0", "No module named 'nothing_there'"),
        ("own_lettres:OwnLettres/Lettesr-v0", "Did you mean: `Letters`?"),
        ("own_lettres:CartPole-v1", "must be one of"),
        ("own_lettres:", "environment 'own_lettres:'"),
        ("own_broken:Mine-v0", "importing its module raises ZeroDivisionError: division by zero"),
        (":TextGen-Tiny-v0", "environment ':TextGen-Tiny-v0'"),
    ],
)
def test_mistakes_are_named(env_id: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own_lettres.py").write_text(GAME.format(namespace="OwnLettres"))
    Path("own_broken.py").write_text("1 / 0")
    code, found = said("train", "--agent", "mle", "--env", env_id, *SHORT)
    assert code == 2, found
    assert words in found
    assert not Path("runs").exists()
