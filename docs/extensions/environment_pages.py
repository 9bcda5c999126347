"""Pages of the environments, written from the table of ids, the docstrings and the committed results."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
from PIL import Image, ImageSequence
from sphinx.application import Sphinx

import papers
from class_docs import arguments_table, cell, class_doc
from kept_tables import csv_rows, experiments, rows
from textgen_env import TABLE
from textgen_env.environments import EnvRow
from textgen_env.solve import solve
from textgen_env.specs import REWARDS, TASKS
from written_pages import write_pages

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GAMES = DOCS / "pictures" / "games"
STILLS = DOCS / "pictures" / "generated" / "games"

GROUPS = {
    "Small enough for an exact answer": ("tiny",),
    "The oracle of SeqGAN": ("oracle",),
    "Sentences": ("captions",),
    "An answer to a source": ("number_words", "transcribe"),
    "Your own texts": ("corpus", "parallel"),
    "Real texts and tunes": ("poems", "speeches", "music"),
}


def games() -> dict[str, dict[str, Any]]:
    """Id -> its entry of `games.json`."""
    entries: dict[str, dict[str, Any]] = json.loads((GAMES / "games.json").read_text(encoding="utf-8"))
    return entries


def papers_of(task: str) -> list[str]:
    """Keys of the papers that a task's page names."""
    entries = tomllib.loads((DOCS / "environments.toml").read_text(encoding="utf-8"))
    return list(entries.get(task, {}).get("papers", []))


def learns(row: EnvRow) -> bool:
    """Whether the reward learns as the agent writes, so that the worth of a text changes."""
    return row.reward_name in ("discriminator", "ranker")


def number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def picture(row: EnvRow) -> str:
    """The moving picture; a still one for readers who ask for less motion."""
    game = games()[row.id]
    text = (
        f"{row.id}: two texts grow token by token with their rewards, one of uniform tokens, one of a trained agent. "
        f"Over {game['texts']} texts uniform tokens earn {number(game['uniform'])} on average, the trained agent "
        f"{number(game['trained'])}."
    )
    learned = " The discriminator has learned from the agent's own texts." if learns(row) else ""
    return "\n".join(
        [
            '<figure class="game"><picture>',
            f'<source srcset="../_static/generated/games/{row.id}.png" media="(prefers-reduced-motion: reduce)">',
            f'<img src="../_static/games/{row.id}.gif" alt="{text}" width="800" height="251">',
            f"</picture><figcaption>Right: an agent after {game['training']}. The average text earns "
            f"{number(game['trained'])}; one of uniform tokens {number(game['uniform'])} ({game['texts']} texts "
            f"each).{learned}</figcaption></figure>",
        ]
    )


def sizes(row: EnvRow) -> str:
    game, task, reward = games()[row.id], TASKS.load(row.task), REWARDS.load(row.reward_name)
    vocab_size, horizon = game["vocab_size"], game["max_length"]
    observation = f"`Box(0, {vocab_size}, ({horizon},), int64)`"
    if game["source"]:
        most, width = game["source"]
        observation = f"`Dict(source=Box(0, {most}, ({width},), int64), tokens={observation.strip('`')})`"
    own = "Its sizes are those of your texts; here, of the texts of the picture." if row.needs else ""
    end = f"the end token, or {horizon} tokens" if game["ends"] else f"{horizon} tokens"
    mode = "as each token is written (`dense`)" if game["reward_mode"] == "dense" else "at the end (`terminal`)"
    lines = [
        ("task", f"`{row.task}`: {class_doc(task).summary.splitlines()[0]}"),
        ("reward", f"{reward_link(row.reward_name)}: {class_doc(reward).summary.split(chr(10) * 2)[0]}"),
        ("paid", mode),
        ("observation", f"{observation}: the prefix, left aligned; blanks are {vocab_size}. {own}"),
        ("action", f"`Discrete({vocab_size})`: the next token"),
        ("end", f"{end}; `terminated`, never `truncated`"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {cell(text)} |" for name, text in lines)])


def reward_link(name: str) -> str:
    return f"[`{name}`](../rewards/{name}.md)" if (DOCS / "rewards.toml").exists() else f"`{name}`"


def make_call(row: EnvRow) -> str:
    needed = {"corpus": ', path="reviews.txt"', "parallel": ', path="pairs.tsv"'}.get(row.task if row.needs else "", "")
    lines = ["import gymnasium as gym", "import textgen_env", "", f'env = gym.make("{row.id}"{needed})']
    lines += [f'envs = gym.make_vec("{row.id}", num_envs=64{needed})  # many at once']
    return "\n".join(["```python", *lines, "```"])


def data_note(row: EnvRow) -> str:
    if not row.data:
        return ""
    commands = "\n".join(f"python -m textgen_env.data fetch {name}" for name in row.data)
    return f"`make` downloads nothing; the data are fetched once:\n\n```sh\n{commands}\n```\n"


def reference(row: EnvRow) -> str:
    """Table of what is good: uniform tokens, real texts, the best degenerate ones, the optimum where it is known."""
    kinds = [each for each in csv_rows("degenerate", "degenerate.csv") if each["game"] == row.id]
    lines = ["| texts | earn on average | the best of them |", "|---|--:|--:|"]
    lines.append(f"| uniform tokens | {number(games()[row.id]['uniform'])} | |")
    for each in kinds:
        lines.append(f"| {cell(each['kind'])} | {number(float(each['mean']))} | {number(float(each['best']))} |")
    if row.task == "tiny":
        optimum = solve(gym.make(row.id)).optimum
        lines.append(f"| the optimal policy, by backward induction | {number(optimum)} | |")
    note = "From `python -m benchmarks degenerate`: texts that nobody would call good, beside real ones."
    return "\n".join([*lines, "", note if kinds else ""])


def baselines(row: EnvRow) -> str:
    """The agents of the committed experiments on an id, by what they earn: one table an experiment."""
    parts = []
    for kept in experiments():
        earned = [each for each in rows(kept.folder) if each.measure == "return" and each.mean is not None]
        if kept.env_id != row.id or not earned:
            continue
        described = kept.description[0].upper() + kept.description[1:].replace("--", "\\-\\-")
        parts += [f"{described}:", "", ":::{table}", ":class: sortable", ""]
        parts += ["| agent | return | runs | failed |", "|---|--:|--:|--:|"]
        for each in sorted(earned, key=lambda each: -(each.mean or 0.0)):
            spread = f" ± {number(each.std)}" if each.std is not None else ""
            earns = f"{number(each.mean or 0.0)}{spread}"
            parts.append(f"| {cell(each.agent)} | {earns} | {each.finished} | {each.failed + each.diverged} |")
        parts += [":::", "", f"Mean and standard deviation over runs; from `{kept.command}`.", ""]
    return "\n".join(parts) if parts else "No experiment on this id is committed yet.\n"


def paper(row: EnvRow) -> str:
    """The papers that a task comes from, with their BibTeX; "" for none."""
    known, keys = papers.load(), papers_of(row.task)
    if not keys:
        return ""
    lines = ["## Papers", ""]
    for key in keys:
        lines += [f"{known[key].cite}:", "", "```bibtex", known[key].bibtex.strip(), "```", ""]
    return "\n".join(lines)


def page(row: EnvRow) -> str:
    task = TASKS.load(row.task)
    doc = class_doc(task)
    given = ", ".join(f"`{name}={value!r}`" for name, value in row.arguments.items())
    parts = [f"# {row.id}", "", doc.summary, "", picture(row), "", make_call(row), "", data_note(row), sizes(row), ""]
    for title, body in doc.sections.items():
        parts += [f"## {title}", "", body, ""]
    parts += ["## Arguments", "", f'`gym.make("{row.id}", <argument>=...)` takes those of the task:', ""]
    parts += [arguments_table(task), "", f"This id sets {given}." if given else "", ""]
    parts += ["Every game also takes `reward_mode`, `min_length`, `mask_penalty`, `render_mode`, `task` and `reward`:"]
    parts += ["see {py:obj}`textgen_env.TextGenEnv`.", ""]
    if isinstance(row.reward, Mapping):
        own = ", ".join(f"`{name}={value!r}`" for name, value in row.reward.items() if name != "name")
        parts += [f"The reward has {own}." if own else "", ""]
    parts += ["## What is good here", "", reference(row), "", "## Baselines", "", baselines(row), ""]
    parts += ["## Version history", "", *(f"- {cell(each)}" for each in row.history), "", paper(row)]
    return "\n".join(parts)


def index() -> str:
    lines = [
        "# Environments",
        "",
        "A task says what is written, a reward how good it is. Each id is a pair of them.",
        "",
    ]
    for title, tasks in GROUPS.items():
        rows = [row for row in TABLE if row.task in tasks]
        lines += [f"## {title}", "", "::::{grid} 1 2 2 3", ":gutter: 2", ""]
        for row in rows:
            lines += [f":::{{grid-item-card}} {row.id}", f":link: {row.id}", ":link-type: doc"]
            lines += [f":img-top: ../pictures/generated/games/{row.id}-small.png", f":img-alt: a text of {row.id}", ""]
            lines += [f"reward: `{row.reward_name}`", ":::", ""]
        lines += ["::::", ""]
        lines += ["```{toctree}", ":hidden:", "", *(row.id for row in rows), "```", ""]
    return "\n".join(lines)


def draw_stills() -> None:
    """The last frame of each picture, whole and its right half."""
    STILLS.mkdir(parents=True, exist_ok=True)
    for row in TABLE:
        source, still = GAMES / f"{row.id}.gif", STILLS / f"{row.id}.png"
        if still.exists() and still.stat().st_mtime >= source.stat().st_mtime:
            continue
        with Image.open(source) as moving:
            *_, last = ImageSequence.Iterator(moving)
            whole = last.convert("RGB")
        whole.save(still)
        whole.crop((whole.width // 2, 0, whole.width, whole.height)).save(STILLS / f"{row.id}-small.png")


def write(app: Sphinx) -> None:
    draw_stills()
    pages = {f"{row.id}.md": page(row) for row in TABLE}
    write_pages(Path(app.srcdir) / "environments", {**pages, "index.md": index()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
