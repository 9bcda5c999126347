"""The README's code blocks run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_runs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    # As in a file of its own: without the future statements of this one.
    code = compile(BLOCKS[number], f"README.md, python block {number + 1}", "exec", dont_inherit=True)
    exec(code, {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert ("print(" in BLOCKS[number]) == bool(printed.strip())


def test_every_id_is_in_the_readme() -> None:
    from textgen_env import TABLE

    text = README.read_text(encoding="utf-8")
    for row in TABLE:
        assert row.id in text or row.id.removeprefix("TextGen") in text, row.id
