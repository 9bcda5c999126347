"""Every prefix of a game has a row of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.data.text_spec import TextSpec
from agents.value.prefix_index import PrefixIndex
from support.games import share_copied, share_of_a
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts


@pytest.fixture(params=["tiny", "no end", "only the end", "masked", "conditional"])
def envs(request: pytest.FixtureRequest, no_repeat_task: Any, echo_task: Any) -> TextGenVectorEnv:
    """A small game of every kind."""
    games: dict[str, dict[str, Any]] = {
        "tiny": {"task": "tiny", "reward": "table", "vocab_size": 3, "max_length": 4},
        "no end": {"task": "oracle", "reward": "constant", "vocab_size": 3, "max_length": 3},
        "only the end": {"task": "tiny", "reward": "table", "vocab_size": 1, "max_length": 3},
        "masked": {"task": no_repeat_task, "reward": share_of_a},
        "conditional": {"task": echo_task, "reward": share_copied},
    }
    return TextGenVectorEnv(**games[request.param])


def test_rows_are_different_and_within_the_table(envs: TextGenVectorEnv) -> None:
    mdp = TextMDP.of(envs)
    rows = PrefixIndex(TextSpec.from_envs(envs))
    sources = None if mdp.sources is None else mdp.sources.tokens
    at = rows.along(mdp.tokens, sources)[np.arange(mdp.num_states), mdp.lengths]
    assert len(np.unique(at)) == mdp.num_states
    assert at.min() >= 0
    assert at.max() < rows.count
    if mdp.sources is None and mdp.allowed.all():
        np.testing.assert_array_equal(at, np.arange(rows.count))


def test_rows_along_a_text_are_those_of_its_prefixes(envs: TextGenVectorEnv) -> None:
    mdp = TextMDP.of(envs)
    rows = PrefixIndex(TextSpec.from_envs(envs))
    texts = all_texts(mdp)
    sources = None if texts.sources is None else envs.task.sources.take(texts.sources).tokens  # type: ignore[union-attr]
    along = rows.along(texts.tokens, sources)
    assert along.shape == texts.tokens.shape
    assert (along < rows.count).all()
    for t in range(texts.tokens.shape[1]):
        prefixes = np.where(np.arange(texts.tokens.shape[1]) < t, texts.tokens, mdp.vocab_size)
        alone = rows.along(prefixes, sources)[:, t]
        np.testing.assert_array_equal(along[texts.lengths > t, t], alone[texts.lengths > t])


def test_a_table_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match=r"table over all prefixes of TextSpec.* has 484 entries, more than 483; make"):
        PrefixIndex(TextSpec(4, 5, 0), most_entries=483)
    assert PrefixIndex(TextSpec(4, 5, 0), most_entries=484).count == 121
    with pytest.raises(ValueError, match=r"has 10\^70 entries, more than 10,000,000; .* such as dqn"):
        PrefixIndex(TextSpec(5_000, 20))
    with pytest.raises(ValueError, match="all prefixes and sources of"):
        PrefixIndex(TextSpec(68, 9, 0, 10, 4))
