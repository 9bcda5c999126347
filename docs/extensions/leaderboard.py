"""Page of the leaderboard: the agents of each committed experiment, by what they earn, environment by environment."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from environment_pages import baselines
from kept_tables import experiments
from suite_page import suite_page
from textgen_env import TABLE
from written_pages import write_pages

HEAD = """# Leaderboard

The agents by their return, in the unit of each environment's reward. Only like is compared with like: one table an
experiment, whose agents had the same texts, sizes and measures. A heading sorts its table. A return is not everything:
[results](../results/index.md) has likelihood, diversity and the controls beside it. Agents that optimise something else
rank low by it: [soft policy gradient](../agents/soft_policy_gradient.md) maximises return and entropy together, and
agents of [imitation](../agents/mle.md) the likelihood of the data.

[The suite](suite.md) ranks all agents over all environments by one score.

```{toctree}
:hidden:

suite
```"""


def index() -> str:
    """The page: one section an environment that a committed experiment plays."""
    played = {kept.env_id for kept in experiments()}
    parts = [HEAD, ""]
    for row in TABLE:
        if row.id in played:
            parts += [
                f"## {row.id}",
                "",
                f"[What is written and paid](../environments/{row.id}.md).",
                "",
                baselines(row),
                "",
            ]
    return "\n".join(parts)


def write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "leaderboard", {"index.md": index(), "suite.md": suite_page()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
