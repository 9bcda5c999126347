"""Pages of the rewards: equation, unit, a value computed at the build, arguments, the ids that pay it, papers, use."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from agent_pages import ROOT, file_of, notes, papers_cited
from class_docs import arguments_table, cell, class_doc, linked
from computed_values import program, shown
from textgen_env import TABLE
from textgen_env.specs import REWARDS
from written_pages import write_pages

COMPUTING = ("textgen_env.metrics.", "textgen_env.models.")
# How n-grams and references are held in arrays, of whatever metric.
PLUMBING = {"textgen_env.metrics.ngrams", "textgen_env.metrics.references", "textgen_env.metrics.saved_references"}


def imported(file: str) -> list[str]:
    """The files of metrics and models that a file imports: what it is computed by."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    paths = sorted(f"{name.replace('.', '/')}.py" for name in names - PLUMBING if name.startswith(COMPUTING))
    return [path for path in paths if (ROOT / path).is_file()]


def papers_behind(file: str) -> list[str]:
    """Links to the papers that a reward's file cites, and the metrics and models that it is computed by."""
    links = [link for each in (file, *imported(file)) for link in papers_cited(each)]
    return list(dict.fromkeys(links))


def page(name: str) -> str:
    thing: Any = REWARDS.load(name)
    note, doc = notes("rewards.toml")[name], class_doc(thing)
    parts = [f"# {name}", "", doc.summary, "", f"$$\n{note['equation']}\n$$", ""]
    parts += [f"**Unit:** {note['unit']}. **Range:** {note['range']}.", ""]
    for title, body in doc.sections.items():
        parts += [f"## {title}", "", body, ""]
    use, avoid = (linked(note[each], REWARDS, name) for each in ("use", "avoid"))
    parts += ["## When", "", f"**Use it.** {use}", "", f"**Do not.** {avoid}", ""]
    parts += ["## A value", "", f"{note.get('note', 'Scores of three texts.')} Computed when this page was built.", ""]
    parts += [shown(program(note)), ""]
    if doc.arguments:
        parts += ["## Arguments", "", arguments_table(thing), ""]
    ids = [row.id for row in TABLE if row.reward_name == name]
    if ids:
        parts += ["## Environments that pay it", "", *(f"- [{id}](../environments/{id}.md)" for id in ids), ""]
    if cited := papers_behind(file_of(thing)):
        parts += ["## Papers", "", *(f"- {each}" for each in cited), ""]
    return "\n".join(parts)


def index() -> str:
    lines = ["# Rewards", "", "A reward is named, or is your own function of strings.", "", "| reward | |", "|---|---|"]
    lines += [
        f"| [`{name}`]({name}.md) | {cell(class_doc(REWARDS.load(name)).summary.split(chr(10) * 2)[0])} |"
        for name in REWARDS
    ]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *REWARDS, "```", ""])


def write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "rewards", {**{f"{name}.md": page(name) for name in REWARDS}, "index.md": index()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
