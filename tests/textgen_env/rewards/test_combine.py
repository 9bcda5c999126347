"""A combined reward is the weighted sum of its parts, at the end and along the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textgen_env import BaseReward, FunctionReward, TextGenVectorEnv, combine
from textgen_env.rewards.bleu import BleuReward
from textgen_env.rewards.combine import parts_of
from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.rewards.likelihood import LikelihoodReward
from textgen_env.rewards.table import TableReward
from textgen_env.tasks.base import Sources
from textgen_env.tasks.oracle import OracleTask
from textgen_env.tasks.tiny import TinyTask


def length(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    """Tokens written."""
    return lengths


def ones(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    """Tokens 1 written."""
    return ((tokens == 1) & (np.arange(tokens.shape[1]) < lengths[:, None])).sum(1)


def test_a_score_is_the_weighted_sum() -> None:
    task = TinyTask()
    tokens, lengths, _ = task.all_texts()
    bound = combine((2.0, TableReward()), (-0.25, length), (1, TableReward(1))).bind(task)
    parts = [TableReward(seed).bind(task).score(tokens, lengths) for seed in (0, 1)]
    expected = 2 * parts[0] - 0.25 * lengths + parts[1]
    np.testing.assert_allclose(bound.score(tokens, lengths), expected, atol=1e-12)
    terms = bound.terms(tokens, lengths)
    assert list(terms) == ["table_1", "length", "table_2"]
    np.testing.assert_array_equal(terms["length"], lengths)
    np.testing.assert_allclose(bound.total(terms), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "b"], ["a_1", "a_2", "b"]),
        (["a", "a", "a_1"], ["a_2", "a_3", "a_1"]),
        (["a_1", "a", "a", "a_1"], ["a_1_1", "a_1", "a_2", "a_1_2"]),
    ],
)
def test_parts_of_one_name_are_told_apart(names: list[str], labels: list[str]) -> None:
    reward = combine(*((1.0, FunctionReward(length, name)) for name in names))
    assert reward.labels == labels
    assert len(reward.terms(np.array([[1]]), np.array([1]))) == len(names)


def test_rewards_are_dense_if_all_parts_are() -> None:
    assert combine((1.0, TableReward()), (1.0, LikelihoodReward())).default_mode == "dense"
    assert combine((1.0, TableReward()), (1.0, BleuReward())).default_mode == "terminal"


def test_dense_and_terminal_agree_for_nested_parts() -> None:
    task = OracleTask(vocab_size=12, max_length=5, train_size=30, test_size=30)
    inner = combine((0.5, ones), (3.0, LikelihoodReward()))
    many = [(0.1 * i, FunctionReward(length, f"length{i}")) for i in range(12)]
    reward = combine((1.0, LikelihoodReward()), (-2.0, inner), (5.0, BleuReward()), *many)
    tokens = task.test_sequences().tokens
    returns = []
    for mode in ("terminal", "dense"):
        envs = TextGenVectorEnv(task, reward, num_envs=30, reward_mode=mode, autoreset_mode="Disabled")
        envs.reset(seed=0)
        for t in range(5):
            envs.step(tokens[:, t])
        returns.append(envs.core.returns.copy())
        np.testing.assert_allclose(envs.core.returns, envs.score(tokens), atol=1e-4)
    np.testing.assert_allclose(*returns, atol=1e-4)


def test_every_part_is_told_of_the_texts_that_ended() -> None:
    class Told(BaseReward):
        def __init__(self) -> None:
            self.texts: list[list[int]] = []

        def score(self, tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> np.ndarray:
            return np.zeros(len(tokens))

        def episodes_ended(self, tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> None:
            self.texts += tokens.tolist()

    parts = Told(), Told()
    envs = TextGenVectorEnv("tiny", combine((1.0, parts[0]), (0.0, combine((1.0, parts[1])))), num_envs=2)
    envs.reset(seed=0)
    envs.step([1, 0])
    assert parts[0].texts == parts[1].texts == [[0, 4, 4, 4, 4]]


def test_what_the_parts_learn_is_kept() -> None:
    def bound() -> Any:
        sizes: Any = {"embedding_size": 4, "widths": [1, 2], "counts": [4, 4], "batch_size": 4}
        learning = DiscriminatorReward(**sizes)
        return combine((1.0, length), (2.0, combine((1.0, learning), (1.0, ones))), (1.0, learning)).bind(task)

    task = TinyTask(train_size=8)
    texts, reward, other = task.training_sequences(), bound(), bound()
    untaught = reward.state_dict()
    for part in parts_of(reward):
        if isinstance(part, DiscriminatorReward):
            part.update(texts, steps=3)
    state = reward.state_dict()
    assert {key[:4] for key in state} >= {"1.0."}
    assert {key.split(".")[0] for key in state} == {"1", "2"}
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.score(*texts[:2]), reward.score(*texts[:2]))
    assert (bound().score(*texts[:2]) != reward.score(*texts[:2])).any()
    # Nothing is loaded of what a later part refuses.
    spoilt = {**untaught, "2.fresh": untaught["2.fresh"][:, :-1]}
    for wrong, said in (
        (spoilt, "fresh"),
        ({**state, "0.fresh": state["2.fresh"]}, r"expected 1\.\*, 2\.\*; load what"),
        ({key: value for key, value in state.items() if key.startswith("1.")}, "missing entries"),
    ):
        with pytest.raises(ValueError, match=said):
            other.load_state_dict(wrong)
    assert all(value.equal(state[key]) for key, value in other.state_dict().items())
    still = combine((1.0, length)).bind(task)
    assert still.state_dict() == {}
    with pytest.raises(ValueError, match="none, as no part of this reward learns"):
        still.load_state_dict(state)


def test_parts_are_bound_anew_for_each_task() -> None:
    reward = combine((1.0, TableReward()))
    for task in (TinyTask(4, 5), TinyTask(3, 2)):
        tokens, lengths, _ = task.all_texts()
        expected = TableReward().bind(task).score(tokens, lengths)
        np.testing.assert_array_equal(reward.bind(task).score(tokens, lengths), expected)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([], ValueError, r"combine\(\) needs at least one \(weight, reward\) pair"),
        ([length], TypeError, r"combine: <function .* must be a pair \(weight, reward\)"),
        ([(1.0, length, 2)], TypeError, r"must be a pair"),
        ([("1", length)], TypeError, r"combine: weight='1' must be a number, got str"),
        ([(True, length)], TypeError, r"combine: weight=True must be a number, got bool"),
        ([(float("nan"), length)], ValueError, r"combine: weight=nan must be finite"),
        ([(-float("inf"), length)], ValueError, r"combine: weight=-inf must be finite"),
        ([(1.0, "blue")], ValueError, r"reward='blue' must be one of table, .*bleu"),
        ([(1.0, {"name": "bleu", "order": 2})], TypeError, r"reward 'bleu' got an unexpected keyword argument 'order'"),
        ([(1.0, 7)], TypeError, r"reward=7 must be the name of a reward"),
    ],
)
def test_what_cannot_be_combined_is_refused(parts: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        combine(*parts)


@pytest.mark.parametrize("weight", [np.float32(0.5), np.int64(2), 3])
def test_weights_are_numbers_of_any_kind(weight: Any) -> None:
    assert combine((weight, length)).score(np.array([[1, 1]]), np.array([2])).tolist() == [2 * float(weight)]
