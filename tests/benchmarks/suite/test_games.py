"""Which environments are in the suite follows from the table of ids."""

from __future__ import annotations

import pytest

from benchmarks.suite.games import games, left_out
from benchmarks.suite.sizes import SIZES
from textgen_env import TABLE


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_id_is_in_it_or_has_a_reason(size):
    found = [game.env_id for game in games(size)]
    assert sorted([*found, *left_out(size)]) == sorted(row.id for row in TABLE)
    assert all(left_out(size).values())


def test_the_laptop_has_every_task_that_needs_no_fetched_data():
    laptop = SIZES["laptop"]
    assert {game.row.task for game in games(laptop)} == {row.task for row in TABLE if not row.data}
    reasons = left_out(laptop)
    assert reasons["TextGen-Captions-v0"] == "TextGen-Captions-v1 is its latest version"
    assert reasons["TextGen-OracleGAN-v0"] == "TextGen-OracleSmallGAN-v0 is the same at another size"
    assert reasons["TextGen-Poems-v0"].startswith("needs data that are fetched")


def test_a_reward_that_learns_is_measured_by_one_that_stands_still():
    found = {game.name: game.measured_on for game in games(SIZES["laptop"])}
    assert {name: on for name, on in found.items() if on} == {
        "OracleSmallGAN-v0": "TextGen-OracleSmall-v0",
        "CaptionsGAN-v0": "TextGen-Captions-v1",
        "CorpusGAN-v0": "TextGen-Corpus-v0",
    }
    for game in games(SIZES["laptop"]):
        assert ("reward" in game.kwargs) == bool(game.measured_on)
        assert "reward" not in (game.measured_kwargs or {})
