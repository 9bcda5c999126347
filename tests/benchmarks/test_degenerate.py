"""The search for degenerate texts: what is kept is what is found, and what v1 of the captions mended."""

from __future__ import annotations

import csv
import re
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.degenerate import command
from benchmarks.degenerate.command import degenerate
from benchmarks.degenerate.search import REAL, Found, searched
from textgen_env import TABLE
from textgen_env.environments import EnvRow

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "degenerate" / "degenerate.csv"


@cache
def found(game: str) -> dict[str, Found]:
    return {each.kind: each for each in searched(game)}


def kept() -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(KEPT.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("game", ["TextGen-Tiny-v0", "TextGen-Captions-v0", "TextGen-Captions-v1"])
def test_the_table_that_is_kept_is_what_is_found(game: str) -> None:
    rows = {row["kind"]: row for row in kept() if row["game"] == game}
    assert rows.keys() == found(game).keys()
    for kind, row in rows.items():
        of = found(game)[kind]
        assert (int(row["texts"]), row["text"], row["beats_real_mean"]) == (of.texts, of.text, str(of.beats))
        for name, value in (("best", of.best), ("mean", of.mean), ("real_mean", of.real)):
            assert float(row[name]) == pytest.approx(value, abs=1e-9)


def test_every_registered_game_is_in_the_table() -> None:
    """Of those with data, or an argument, of their own there may be more to come."""
    games = {row["game"] for row in kept()}
    assert {row.id for row in TABLE} >= games
    assert games >= {row.id for row in TABLE if not row.data and not row.needs}


def test_games_without_their_data_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (EnvRow("TextGen-Tiny-v0", "tiny", "table"), EnvRow("X-v0", "tiny", "table", data=("poems",)))
    monkeypatch.setattr(command, "TABLE", rows)
    for variable in ("TEXTGEN_DATA", "TEXTGEN_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    said = StringIO()
    assert {each.game for each in degenerate(tmp_path, Console(file=said, width=300))} == {"TextGen-Tiny-v0"}
    assert "X-v0 is left out: it needs the data 'poems': set TEXTGEN_DATA" in said.getvalue()
    with pytest.raises(ValueError, match="none of the games can be made"):
        degenerate(tmp_path, Console(file=said), only=["X-"])


def test_a_fragment_solves_the_captions_v0_and_no_longer_v1() -> None:
    old, new = found("TextGen-Captions-v0"), found("TextGen-Captions-v1")
    assert old["fragment of 1 to 5 tokens"].best == pytest.approx(1.0)
    assert old["fragment of 6 to 12 tokens"].mean == pytest.approx(1.0)
    assert old["fragment of 1 to 5 tokens"].beats
    for kind in ("empty", "one token", "two tokens by turns", "fragment of 1 to 5 tokens"):
        assert not new[kind].beats, kind
    # The longer a text, the less one break in it counts: "a hat is running after a ball in a city park .".
    longer = new["fragment of 6 to 12 tokens"]
    assert longer.best < 0.96
    assert longer.mean < 0.85 < longer.real
    assert new["fragment of 1 to 5 tokens"].best < 0.9
    assert not new["training texts run on"].beats
    assert new["copy of a training text"].mean == pytest.approx(1.0)


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    said = StringIO()
    lines = degenerate(tmp_path, Console(file=said, width=160), only=["tiny"])
    assert {each.game for each in lines} == {"TextGen-Tiny-v0"}
    assert REAL in said.getvalue()
    assert len(list(csv.DictReader(StringIO((tmp_path / "degenerate.csv").read_text())))) == len(lines)
    assert "## TextGen-Tiny-v0" in (tmp_path / "degenerate.md").read_text()
    with pytest.raises(ValueError, match=re.escape("--only 'nothing'")):
        degenerate(tmp_path, Console(file=said), only=["nothing"])
