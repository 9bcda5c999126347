"""Text of a user's is harmless where it is shown: on terminals, in files, pages and figures."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report.files import csv_text, markdown_table
from benchmarks.report.table import Column, table_of_texts
from textgen_env import BaseTask, TextGenEnv, Texts, Vocabulary
from textgen_env.plain_text import plain_text, print_text

HOSTILE = "\x1b[2J\x1b]0;title\x07red\r\u202egnp.exe\ud800\x00"


@given(st.text(st.characters(codec=None)))
def test_what_is_shown_can_be_encoded_and_obeyed_by_no_terminal(text: str) -> None:
    shown = plain_text(text)
    shown.encode("utf-8")
    assert not set(shown) & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\ufeff")
    assert plain_text(shown) == shown


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs"))))
def test_letters_of_any_script_stay_as_they_are(text: str) -> None:
    assert plain_text(text) == text


def test_what_is_not_shown_is_written_out() -> None:
    assert plain_text(HOSTILE) == r"\x1b[2J\x1b]0;title\x07red\r\u202egnp.exe\ud800\x00"
    assert plain_text("two\nlines\tand 👩\u200d🚀") == "two\nlines\tand 👩\u200d🚀"


def test_a_long_text_says_what_was_cut() -> None:
    assert plain_text("x" * 200_000, 5) == "xxxxx… (200,000 characters in all)"
    assert plain_text("x" * 5, 5) == "xxxxx"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_stream_of_any_encoding_takes_it(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_text("trois mille é привет · 字", stream)
    stream.flush()
    said = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert said.startswith("trois mille")
    assert said.endswith("\n")


class Hostile(BaseTask):
    """Task whose tokens are what a terminal would obey."""

    vocabulary = Vocabulary([HOSTILE, "b"], separator="")
    max_length = 3

    def training_sequences(self) -> Texts:
        return Texts(np.zeros((1, 3), np.int64), np.array([3]))

    test_sequences = training_sequences


def test_a_frame_shows_a_hostile_token_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    for mode in ("ansi", "human"):
        env = TextGenEnv(Hostile(), "constant", render_mode=mode)
        env.reset(seed=0)
        env.step(0)
        shown = env.render() if mode == "ansi" else capsys.readouterr().out
        assert "\x1b" not in shown
        assert r"\x1b[2J" in shown


def test_tables_are_harmless() -> None:
    table = table_of_texts("t", (Column("agent"), Column("text")), [(HOSTILE, "x" * 200_000), ("a|b", "$x$\n<b>")])
    assert "\x1b" not in "".join(sum(table.texts, ()))
    assert max(len(cell) for row in table.texts for cell in row) < 600
    markdown = markdown_table(table)
    markdown.encode("utf-8")
    assert r"a\|b" in markdown
    assert r"\<b>" in markdown


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-cmd", "@sum", "\t=1"])
def test_a_spreadsheet_finds_no_formula(formula: str) -> None:
    written = csv_text(("agent", "value"), [{"agent": formula, "value": -1.5}])
    assert written.splitlines()[1] == f"'{formula},-1.5"


def test_a_dollar_in_a_label_is_no_formula() -> None:
    matplotlib: Any = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from benchmarks.report.attention_map import AttentionMap, drawn
    from benchmarks.report.plots import to_svg

    words = ("$", r"$\frac{", "a_b", "^$")
    shown = AttentionMap(source=words, written=words, weights=np.full((4, 4), 0.25), title="$t", policy="p$")
    assert "$" in to_svg(drawn(shown), "x", "map")


@pytest.mark.parametrize("command", [["list"], ["run", "--help"], ["degenerate", "--only", "nothing"]])
def test_the_command_speaks_to_a_terminal_that_is_not_utf_8(command: list[str]) -> None:
    there = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-m", "benchmarks", *command], capture_output=True, env=there, timeout=120)
    assert b"Traceback" not in done.stderr
    assert b"codec" not in done.stdout + done.stderr
