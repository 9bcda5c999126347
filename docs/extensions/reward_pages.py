"""Pages of the rewards: equation, arguments, the ids that pay it, papers, when to use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from agent_pages import file_of, notes, papers_cited
from class_docs import arguments_table, cell, class_doc
from textgen_env import TABLE
from textgen_env.specs import REWARDS
from written_pages import write_pages


def examples(name: str) -> str:
    """How it is named."""
    special = {
        "text": '{"name": "text", "function": "my_rewards:brevity"}',
        "sum": '{"name": "sum", "parts": [[1.0, "bleu"], [0.1, "repetition"]]}',
    }
    given = special.get(name, f'"{name}"')
    return "\n".join(["```python", f'env = gym.make("TextGen-Captions-v1", reward={given})', "```"])


def page(name: str) -> str:
    thing: Any = REWARDS.load(name)
    note, doc = notes("rewards.toml")[name], class_doc(thing)
    parts = [f"# {name}", "", doc.summary, "", f"$$\n{note['equation']}\n$$", ""]
    for title, body in doc.sections.items():
        parts += [f"## {title}", "", body, ""]
    parts += ["## When", "", f"**Use it.** {note['use']}", "", f"**Do not.** {note['avoid']}", ""]
    if name not in ("table", "likelihood", "error_rate"):
        parts += [examples(name), ""]
    if doc.arguments:
        parts += ["## Arguments", "", arguments_table(thing), ""]
    ids = [row.id for row in TABLE if row.reward_name == name]
    if ids:
        parts += ["## Environments that pay it", "", *(f"- [{id}](../environments/{id}.md)" for id in ids), ""]
    if cited := papers_cited(file_of(thing)):
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
