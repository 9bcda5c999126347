"""The README's code blocks, and those of the guide, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))


def blocks(page: Path) -> list[str]:
    """The page's code in Python, a block each."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


BLOCKS = [(page, number, code) for page in [README, *GUIDE] for number, code in enumerate(blocks(page), 1)]
NAMES = [f"{page.stem}-{number}" for page, number, _ in BLOCKS]


def test_there_are_blocks() -> None:
    assert len(blocks(README)) >= 3
    assert len(BLOCKS) >= 14


@pytest.mark.parametrize(("page", "number", "code"), BLOCKS, ids=NAMES)
def test_block_runs(page: Path, number: int, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    # As in a file of its own: without the future statements of this one.
    compiled = compile(code, f"{page.name}, python block {number}", "exec", dont_inherit=True)
    exec(compiled, {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert ("print(" in code) == bool(printed.strip())


def test_every_id_is_in_the_readme() -> None:
    from textgen_env import TABLE

    text = README.read_text(encoding="utf-8")
    for row in TABLE:
        assert row.id in text or row.id.removeprefix("TextGen") in text, row.id


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert len(links) > 10
    for link in links:
        assert (ROOT / link).exists(), link
