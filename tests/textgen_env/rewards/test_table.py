"""The table gives each token after each prefix a number; a text's score is their sum."""

from __future__ import annotations

import numpy as np
import pytest

from textgen_env.rewards.table import TableReward
from textgen_env.tasks.tiny import TinyTask


def scored(reward: TableReward, texts: list[list[int]]) -> np.ndarray:
    """Scores of texts of one length."""
    tokens = np.array(texts)
    return reward.score(tokens, np.full(len(tokens), tokens.shape[1]))


def test_a_score_is_the_sum_over_its_prefixes() -> None:
    """The numbers, read off as differences, depend on the whole prefix."""
    bound = TableReward().bind(TinyTask(3, 3))
    numbers: dict[tuple[int, ...], float] = {}
    for length in (1, 2, 3):
        for index in np.ndindex(*[3] * length):
            before = scored(bound, [list(index[:-1])])[0] if length > 1 else 0.0
            numbers[index] = scored(bound, [list(index)])[0] - before
    assert len(numbers) == 3 + 9 + 27
    assert len({round(value, 9) for value in numbers.values()}) == len(numbers)
    text = (2, 1, 0)
    assert scored(bound, [list(text)])[0] == pytest.approx(sum(numbers[text[: t + 1]] for t in range(3)))


def test_the_numbers_are_standard_normal() -> None:
    """The first tokens of a large vocabulary read the table's first level off."""
    numbers = scored(TableReward().bind(TinyTask(5_000, 1)), [[token] for token in range(5_000)])
    error = 5 / np.sqrt(5_000)
    assert abs(numbers.mean()) < error
    assert abs((numbers**2).mean() - 1) < np.sqrt(2) * error
    assert abs((numbers**4).mean() - 3) < np.sqrt(96) * error


def test_lengths_and_blanks() -> None:
    bound = TableReward().bind(TinyTask())
    tokens = np.array([[1, 2, 0, 4, 4], [1, 2, 4, 4, 4], [4, 4, 4, 4, 4]])
    scores = bound.score(tokens, np.array([3, 2, 0]))
    assert scores[0] == scored(bound, [[1, 2, 0]])[0]
    assert scores[1] == scored(bound, [[1, 2]])[0]
    assert scores[2] == 0.0


def test_a_prefix_is_scored_from_the_one_before() -> None:
    task = TinyTask(3, 4)
    bound = TableReward().bind(task)
    tokens, lengths, _ = task.all_texts()
    begun = bound.begin(tokens, np.zeros_like(lengths))
    state = dict(begun)
    for t in range(4):
        written = np.full(len(tokens), t + 1)
        going = lengths > t
        rows = {name: values[going] for name, values in state.items()}
        terms, after = bound.extend(rows, tokens[going], written[going])
        np.testing.assert_array_equal(terms["table"], bound.score(tokens[going], written[going]))
        state["total"][going], state["node"][going] = terms["table"], after["node"]
    np.testing.assert_array_equal(state["total"], bound.score(tokens, lengths))
    again = bound.begin(tokens, lengths)
    assert all(np.array_equal(again[name], state[name]) for name in state)
    assert [len(level) for level in bound.levels] == [3, 9, 27, 81]
    bound.check_state(state)
    with pytest.raises(ValueError, match="reward 'table': node holds 27, which numbers no prefix: 0 to 26"):
        bound.check_state({**state, "node": np.array([3, 27])})


def test_the_seed_alone_makes_the_table() -> None:
    task = TinyTask()
    tokens, lengths, _ = task.all_texts()
    first, again, other = (TableReward(seed).bind(task).score(tokens, lengths) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_binding_leaves_the_reward_as_it_was() -> None:
    reward = TableReward()
    one, other = reward.bind(TinyTask(4, 5)), reward.bind(TinyTask(3, 2))
    assert one.score(np.array([[1, 2, 3, 1, 2]]), np.array([5])).shape == (1,)
    assert other.score(np.array([[1, 2]]), np.array([2])).shape == (1,)
    with pytest.raises(ValueError, match=r"reward 'table' is not bound to a task; use reward.bind\(task\)"):
        reward.score(np.array([[1]]), np.array([1]))
