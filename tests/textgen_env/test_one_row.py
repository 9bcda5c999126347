"""One row goes the short way to where the core's own step and reset lead, or is refused with the same words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from support.registered import REGISTERED, small
from textgen_env import BaseTask, GenerationCore, Vocabulary
from textgen_env.environments import EnvRow
from textgen_env.kernels import SWITCH
from textgen_env.one_row import OneRow
from textgen_env.rewards.base import BaseReward, as_reward
from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.rewards.likelihood import LikelihoodReward
from textgen_env.rewards.table import TableReward
from textgen_env.snapshot import Snapshot
from textgen_env.tasks.oracle import OracleTask
from textgen_env.tasks.tiny import TinyTask

WORDS = ("<eos>", "a", "b", "c", "d", "e")
STRANGE = (-1, 6, 2**40, True, np.True_, 1.0, np.float64(1), None, "a", [1], np.array(1), np.array([1]))
WHOLE: tuple[Callable[[int], Any], ...] = (int, np.int64, np.int32, np.uint8)


class WordTask(BaseTask):
    """Texts of up to four of six tokens, with or without an end."""

    def __init__(self, ends: bool) -> None:
        self.vocabulary = Vocabulary(WORDS, eos=WORDS[0] if ends else None)
        self.max_length = 4


class Doubled(TableReward):
    """A table of somebody else's: it scores twice as much, and knows nothing of forms for one text."""

    def extend(self, state: Any, tokens: Any, lengths: Any, sources: Any = None) -> Any:
        terms, after = super().extend(state, tokens, lengths)
        return {name: values + lengths for name, values in terms.items()}, after


class Fickle(BaseReward):
    """A reward that refuses texts that end in "c", scores those in "d" as no number, and learns from no text in "e"."""

    def score(self, tokens: Any, lengths: Any, sources: Any = None) -> Any:
        last = tokens[np.arange(len(tokens)), lengths - 1]
        if (last == 3).any():
            raise RuntimeError("no text ends so")
        return np.where(last == 4, np.nan, lengths * 1.5)

    def episodes_ended(self, tokens: Any, lengths: Any, sources: Any = None) -> None:
        if (tokens[:, 3] == 5).any():
            raise RuntimeError("nothing to learn")


def token_sum(tokens: Any, lengths: Any, sources: Any = None) -> Any:
    """A reward that sees every token."""
    return np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, 0).sum(1)


def games(kind: str) -> tuple[GenerationCore, int]:
    """A core of three rows, and how many tokens there are."""
    task: Any = {"table": TinyTask(train_size=5, test_size=5), "doubled": TinyTask(train_size=5, test_size=5)}.get(kind)
    task = task or WordTask(ends="no end" not in kind)
    reward = {"table": TableReward(), "doubled": Doubled(), "fickle": Fickle()}.get(kind.split(",")[0])
    mode: Any = "dense" if "dense" in kind or kind in ("table", "doubled") else "terminal"
    least = 2 if "masked" in kind else 0
    return GenerationCore(task, reward or as_reward(token_sum), 3, mode, least), len(task.vocabulary)


def stepped_long(core: GenerationCore, action: Any) -> Any:
    """What a step of row 1 says, as arrays have it."""
    moved = core.step([action], np.array([1]))
    text = None if moved.finished is None else moved.finished.text(0)
    return core.tokens[1].copy(), float(moved.rewards[1]), text


def said(call: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return call(), ""
    except Exception as error:
        return None, repr(error)


def check_same(state: Snapshot, other: Snapshot, tolerance: float) -> None:
    for name in ("tokens", "lengths", "running", "sources"):
        np.testing.assert_array_equal(getattr(state, name), getattr(other, name), name)
    assert state.generator_states == other.generator_states
    for name in ("last_rewards", "returns"):
        np.testing.assert_allclose(getattr(state, name), getattr(other, name), rtol=0, atol=tolerance, err_msg=name)
    assert state.reward_state.keys() == other.reward_state.keys()
    for name, values in state.reward_state.items():
        np.testing.assert_allclose(values, other.reward_state[name], rtol=0, atol=tolerance, err_msg=name)


def check_moved(found: Any, wanted: Any, tolerance: float) -> None:
    assert (found is None) == (wanted is None)
    if found is None:
        return
    np.testing.assert_array_equal(found[0], wanted[0])
    assert type(found[1]) is float
    assert found[1] == pytest.approx(wanted[1], abs=tolerance)
    assert (found[2] is None) == (wanted[2] is None)
    if found[2] is not None:
        np.testing.assert_array_equal(found[2].tokens, wanted[2].tokens)
        assert (found[2].length, found[2].stop, found[2].source) == (
            wanted[2].length,
            wanted[2].stop,
            wanted[2].source,
        )
        assert [type(part) for part in found[2][1:3]] == [int, int]
        assert found[2].terms == pytest.approx(wanted[2].terms, abs=tolerance)


def check_play(short: GenerationCore, long: GenerationCore, seed: int, tolerance: float, strange: float = 0.1) -> int:
    """Plays both alike, the one through `OneRow`; how many texts ended."""
    row, rng, ends = OneRow(short, 1), np.random.default_rng(seed), 0
    kept: Any = None
    for _ in range(60):
        what = rng.random()
        if what < 0.05:
            kept = short.snapshot(), long.snapshot()
        elif what < 0.1 and kept is not None:
            short.restore(kept[0])
            long.restore(kept[1])
        if what > 0.97 or not short.running[1]:
            options = [{}, {"prefix": [1]}, {"prefix": [-1]}, {"source": 0}][rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])]
            with_seed = None if rng.random() < 0.8 else int(rng.integers(9))
            found = said(lambda: row.reset(options, with_seed))  # noqa: B023
            seeds = None if with_seed is None else [with_seed]
            wanted = said(lambda: long.reset(np.array([1]), **options, seeds=seeds))  # noqa: B023
            assert found == wanted
        else:
            odd = rng.random() < strange
            action = STRANGE[rng.integers(len(STRANGE))] if odd else int(rng.integers(short.vocab_size))
            action = action if odd else WHOLE[rng.integers(3 if action > 255 else 4)](action)
            found, wanted = said(lambda: row.step(action)), said(lambda: stepped_long(long, action))  # noqa: B023
            assert found[1] == wanted[1]
            check_moved(found[0], wanted[0], tolerance)
            ends += found[0] is not None and found[0][2] is not None
        check_same(short.snapshot(), long.snapshot(), tolerance)
    return ends


KINDS = ("table", "doubled", "fickle", "fickle, dense", "sum", "sum, no end", "sum, dense", "sum, masked")


@settings(max_examples=80, deadline=None, derandomize=True)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1))
def test_the_short_way_leads_where_the_long_one_does(kind: str, seed: int) -> None:
    (short, _), (long, _) = games(kind), games(kind)
    for core in (short, long):
        core.reset(seeds=[1, 2, 3])
    check_play(short, long, seed, tolerance=0.0)


@pytest.mark.parametrize("compiled", ["1", "0"])
@pytest.mark.parametrize("mode", ["terminal", "dense"])
@pytest.mark.parametrize("row", REGISTERED)
def test_every_id_goes_the_short_way(row: EnvRow, mode: Any, compiled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, compiled)
    env = gym.make(row.id, **small(row)).unwrapped
    short, long = (GenerationCore(env.task, env.reward, 3, mode) for _ in range(2))
    for core in (short, long):
        core.reset(seeds=[1, 2, 3])
    ends = sum(check_play(short, long, seed, tolerance=1e-5, strange=0.02) for seed in range(4))
    assert ends > 4


def test_the_rewards_of_a_models_row_add_up_to_the_score_of_the_text() -> None:
    task = OracleTask(vocab_size=50, max_length=12, train_size=5, test_size=60)
    core = GenerationCore(task, LikelihoodReward())
    row = OneRow(core)
    for text in task.test_sequences().tokens:
        row.reset({}, None)
        moved = [row.step(token) for token in text]
        wanted = core.score([text])[0]
        assert sum(each[1] for each in moved) == pytest.approx(wanted, rel=1e-6)
        assert moved[-1][2] is not None
        assert moved[-1][2].terms == {"likelihood": pytest.approx(wanted, rel=1e-6)}


def test_a_score_that_is_no_number_is_told_and_changes_nothing() -> None:
    task = OracleTask(vocab_size=20, max_length=5, train_size=5, test_size=5)
    core = GenerationCore(task, LikelihoodReward())
    row = OneRow(core)
    row.reset({}, 0)
    row.step(3)
    with torch.no_grad():
        task.language_model.output.bias[7] = torch.nan
    before = core.snapshot()
    with pytest.raises(ValueError, match="scores must be finite"):
        row.step(4)
    check_same(core.snapshot(), before, 0.0)


def test_what_is_given_away_is_the_callers() -> None:
    core, _ = games("table")
    row = OneRow(core, 1)
    row.reset({}, 0)
    seen, _, _ = row.step(1)
    seen[:] = 9
    seen, _, finished = row.step(0)
    assert finished is not None
    kept = finished.tokens.copy()
    seen[:] = 9
    np.testing.assert_array_equal(finished.tokens, kept)
    np.testing.assert_array_equal(core.tokens[1], kept)


def test_a_discriminator_learns_the_same_by_either_way() -> None:
    task = OracleTask(vocab_size=20, max_length=5, train_size=40, test_size=5)
    reward = DiscriminatorReward(update_every=3, steps=2, batch_size=8, embedding_size=4, widths=[1, 2], counts=[3, 3])
    short, long = (GenerationCore(task, reward, 3, "terminal") for _ in range(2))
    for core in (short, long):
        core.reset(seeds=[1, 2, 3])
    assert sum(check_play(short, long, seed, tolerance=1e-5, strange=0.0) for seed in range(5)) > 10
    short.learning = long.learning = False
    check_play(short, long, 7, tolerance=1e-5)
    states = [core.reward.state_dict() for core in (short, long)]  # type: ignore[attr-defined]
    assert states[0]["steps_taken"] > 4
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
