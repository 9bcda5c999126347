"""Each environment has its page, with a picture, its sizes, its arguments and what it pays for bad texts."""

from __future__ import annotations

import gymnasium as gym
import pytest
from PIL import Image

from environment_pages import GAMES, GROUPS, games, index, learns, page, papers_of
from game_pictures import GIVEN, OF_ONE_ID, TRAINING
from support.registered import lacks_data
from textgen_env import TABLE
from textgen_env.specs import TASKS


@pytest.fixture(params=TABLE, ids=lambda row: row.id)
def row(request):
    return request.param


def test_a_moving_picture(row):
    with Image.open(GAMES / f"{row.id}.gif") as picture:
        assert picture.n_frames > games()[row.id]["max_length"] or games()[row.id]["ends"]
        assert picture.n_frames > 2


def test_the_kept_sizes_are_those_of_the_game(row):
    if lacks_data(row):
        pytest.skip(f"{row.id} needs {row.lacks}")
    game, kept = gym.make(row.id, **GIVEN.get(row.task, {})).unwrapped, games()[row.id]
    sources = game.task.sources
    assert kept["vocab_size"] == len(game.task.vocabulary)
    assert kept["max_length"] == game.task.max_length
    assert kept["ends"] == (game.task.vocabulary.eos_id is not None)
    assert kept["source"] == (None if sources is None else [len(sources.vocabulary), sources.tokens.shape[1]])
    assert kept["reward_mode"] == game.reward_mode


def test_a_trained_agent_earns_more_than_uniform_tokens(row):
    if learns(row):
        pytest.skip("the discriminator has learned to tell the agent's texts, not uniform tokens")
    assert games()[row.id]["trained"] > games()[row.id]["uniform"]


def test_the_page_has_its_parts(row):
    text = page(row)
    parts = (f"# {row.id}", "## Arguments", "## What is good here", "## Baselines", "## Version history")
    assert [part for part in parts if part not in text] == []
    assert f'gym.make("{row.id}"' in text
    assert str(games()[row.id]["vocab_size"]) in text


def test_the_optimum_of_tiny_is_told():
    text = page(next(row for row in TABLE if row.task == "tiny"))
    assert "optimal policy" in text


def test_the_index_has_every_id_once():
    text = index()
    assert [row.id for row in TABLE if text.count(f"\n{row.id}\n") != 1] == []
    assert sorted(task for tasks in GROUPS.values() for task in tasks) == sorted({row.task for row in TABLE})


def test_no_entry_is_left_over():
    assert set(TRAINING) | set(GIVEN) <= set(TASKS)
    assert set(OF_ONE_ID) <= {row.id for row in TABLE}
    assert papers_of("oracle") == ["yu2017seqgan"]
