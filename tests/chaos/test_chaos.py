"""The part of the chaos that every change must pass; `make chaos` is all of it."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from chaos.__main__ import table
from chaos.damage import KINDS
from chaos.let_loose import QUICK, let_loose
from chaos.trial import Trial


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks processes up in /proc")
def test_a_disturbed_command_ends_in_the_same_bytes(tmp_path: Path) -> None:
    said: list[str] = []
    trials = let_loose(tmp_path, QUICK, 0, said.append)
    assert [f"{trial.what}: {trial.wrong}" for trial in trials if trial.wrong] == [], "\n".join(said)
    assert sum(trial.disturbed for trial in trials) >= 3
    assert any(trial.gone_on for trial in trials)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_changes_a_file(kind: str) -> None:
    content = b'{"a": 1.5, "b": [10, 20]}'
    for seed in range(20):
        assert KINDS[kind](content, random.Random(seed)) != content


def test_the_table_counts_what_is_wrong() -> None:
    lines = table([Trial("kill -9", "x"), Trial("damage", "y", refused=True), Trial("damage", "z", wrong="file")])
    assert [line.split()[-6:] for line in lines.splitlines() if line.startswith(("damage", "all"))] == [
        ["2", "2", "0", "1", "1", "1"],
        ["3", "3", "0", "1", "2", "1"],
    ]
