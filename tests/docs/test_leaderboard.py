"""The leaderboard has every environment that a committed experiment plays, the best agent first."""

from __future__ import annotations

import re

from kept_tables import experiments, rows
from leaderboard import index


def test_every_played_environment_has_its_section():
    text = index()
    assert sorted({kept.env_id for kept in experiments()}) == sorted(re.findall(r"^## (\S+)$", text, re.MULTILINE))


def test_the_agents_of_an_experiment_stand_by_their_return():
    kept = next(each for each in experiments() if each.folder == "exact")
    earned = [row for row in rows(kept.folder) if row.measure == "return" and row.mean is not None]
    best = max(earned, key=lambda row: row.mean)
    section = index().split("## TextGen-Tiny-v0")[1].split("\n## ")[0]
    assert re.search(r"\|--:\|\n\| (\S+) \|", section)[1] == best.agent
    assert all(f"| {row.agent} | " in section for row in earned)
