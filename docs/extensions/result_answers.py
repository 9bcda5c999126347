"""Answers of the pages of results, in the index: the first paragraph of each page, beside its question.

    ```{answers}
    ```

in the index becomes a table with a row a page, in the order of the index's `toctree`.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

PAGES = Path(__file__).resolve().parents[1] / "results"
INDEX = PAGES / "index.md"
FENCE = "```{answers}\n```"


def names() -> list[str]:
    """The pages, in the order of the index."""
    listed = INDEX.read_text(encoding="utf-8").partition("{toctree}")[2].partition("```")[0]
    return listed.split("\n\n", 1)[1].split()


def title_and_answer(name: str) -> tuple[str, str]:
    """A page's heading, and its first paragraph on one line.

    Raises:
        ValueError: a page that does not begin with them.
    """
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    found = re.match(r"# (.+)\n\n((?:[^\n`#|].*\n)+)\n", text)
    if not found:
        raise ValueError(f"docs/results/{name}.md does not begin with a heading and a paragraph that answers it")
    return found[1], " ".join(found[2].split())


def answers() -> str:
    """Table of all pages and their answers, as Markdown."""
    lines = ["| page | answer |", "|---|---|"]
    for name in names():
        title, answer = title_and_answer(name)
        lines.append(f"| [{title}]({name}.md) | {answer.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def page_of(folder: str) -> str | None:
    """The page that shows an experiment's table, or names its run; None for none."""
    for name in names():
        if f"{{kept-table}} {folder}\n" in (text := (PAGES / f"{name}.md").read_text(encoding="utf-8")):
            return name
        if f"{{kept-run}} {folder}\n" in text:
            return name
    return None


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "results/index":
        source[0] = source[0].replace(FENCE, answers())


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
