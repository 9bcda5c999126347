"""Pages of the agents: equation, hyperparameters, papers, and how each is held to the exact answer."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import papers
import result_answers
from agents import AGENTS
from benchmarks.specs.named import named_agent
from class_docs import cell, class_doc, linked, markdown
from exact_evidence import of_the_gradient, of_the_optimum
from kept_tables import experiments
from written_pages import write_pages

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
FAMILIES = {
    "baselines": "Baselines",
    "imitation": "Imitation",
    "policy_gradient": "Policy gradients",
    "value": "Values",
    "adversarial": "Adversarial",
}


def notes(file: str) -> dict[str, dict[str, str]]:
    """Name -> equation, when to use it, when not, of `agents.toml` or `rewards.toml`."""
    entries: dict[str, dict[str, str]] = tomllib.loads((DOCS / file).read_text(encoding="utf-8"))
    return entries


def family(cls: type[Any]) -> str:
    return cls.__module__.split(".")[1]


def file_of(cls: Any) -> str:
    """The file that defines a class or function, from the root of the project."""
    return Path(inspect.getfile(cls)).resolve().relative_to(ROOT).as_posix()


def papers_cited(file: str) -> list[str]:
    """Links to the papers that a file cites."""
    return [paper.cite for paper in papers.load().values() if file in papers.files_citing(paper)]


def hyperparameters(name: str) -> str:
    arguments = named_agent(name).arguments
    if not arguments:
        return "It has none."
    lines = ["| name | default | meaning; the paper's value in brackets |", "|---|---|---|"]
    lines += [f"| `{each.name}` | `{cell(each.default)}` | {cell(markdown(each.words))} |" for each in arguments]
    return "\n".join(lines)


def results_with(name: str) -> list[str]:
    """Links to the pages of results of the committed experiments that an agent takes part in, each with its rows."""
    links = []
    for kept in experiments():
        labels = [label for label, agent in kept.agents.items() if agent == name]
        page = result_answers.page_of(kept.folder)
        if labels and page:
            title, _ = result_answers.title_and_answer(page)
            links.append(f"[{title}](../results/{page}.md): {', '.join(labels)}")
    return list(dict.fromkeys(links))


def example(name: str, cls: type[Any]) -> str:
    path, _, attribute = f"{cls.__module__}:{cls.__name__}".partition(":")
    lines = ["import gymnasium as gym", "import textgen_env", f"from {path} import {attribute}", ""]
    lines += ['envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)', f"agent = {attribute}(envs, seed=0)"]
    if name not in ("uniform", "tempered"):
        lines.append("agent.train(envs, total_tokens=5_000)")
    return "\n".join(["```python", *lines, "```"])


def page(name: str) -> str:
    cls, note = AGENTS.load(name), notes("agents.toml")[name]
    doc = class_doc(cls)
    parts = [f"# {cls.__name__}", "", doc.summary, "", f"$$\n{note['equation']}\n$$", "", example(name, cls), ""]
    use, avoid = (linked(note[each], AGENTS, name) for each in ("use", "avoid"))
    parts += ["## When", "", f"**Use it.** {use}", "", f"**Do not.** {avoid}", ""]
    where = f"{{py:obj}}`{cls.__module__}.{cls.__name__}`"
    parts += [f"In experiments and on the command line it is `{name}`; its class is {where}.", ""]
    parts += ["## Hyperparameters", "", hyperparameters(name), ""]
    parts += ["## Held to the exact answer", "", of_the_optimum(name), ""]
    if gradient := of_the_gradient(name):
        parts += ["### Its gradient", "", gradient, ""]
    if shown := results_with(name):
        parts += ["## In the results", "", *(f"- {each}" for each in shown), ""]
    if cited := papers_cited(file_of(cls)):
        parts += ["## Papers", "", *(f"- {each}" for each in cited), ""]
    return "\n".join(parts)


def index() -> str:
    lines = ["# Agents", "", "Each is one file, and reads as its paper's algorithm.", ""]
    for folder, title in FAMILIES.items():
        names = [name for name in AGENTS if family(AGENTS.load(name)) == folder]
        lines += [f"## {title}", "", "| agent | |", "|---|---|"]
        lines += [
            f"| [`{name}`]({name}.md) | {cell(class_doc(AGENTS.load(name)).summary.split(chr(10) * 2)[0])} |"
            for name in names
        ]
        lines += ["", "```{toctree}", ":hidden:", "", *names, "```", ""]
    return "\n".join(lines)


def write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "agents", {**{f"{name}.md": page(name) for name in AGENTS}, "index.md": index()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
