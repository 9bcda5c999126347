"""The replay buffer: a ring of whole texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agents.data.replay import ReplayBuffer
from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from support.text_batches import forbids, masks_of

SPEC = TextSpec(4, 3, 0)
CONDITIONAL = TextSpec(4, 3, 0, 5, 2)


def episodes(first: int, count: int, conditional: bool = False, masked: bool = False) -> TextBatch:
    """Texts that are told apart by their rewards: first, first + 1, ..."""
    numbers = np.arange(first, first + count)
    tokens = np.stack([numbers % 4, numbers // 4 % 4, np.full(count, 4)], 1)
    rewards = np.repeat(numbers[:, None], 3, 1).astype(float)
    sources = np.stack([numbers % 5, numbers % 3], 1) if conditional else None
    rule = forbids(3, 4) if masked else None
    return TextBatch(tokens, np.full(count, 2), rewards, sources, allowed_tokens=rule, tokens_written=2 * count)


def held(buffer: ReplayBuffer) -> list[int]:
    drawn = buffer.sample(500, torch.Generator().manual_seed(0))
    return sorted(set(drawn.rewards[:, 0].astype(int).tolist()))


def test_it_holds_the_latest_texts() -> None:
    buffer = ReplayBuffer(SPEC, 5)
    assert len(buffer) == 0
    for first, count, expected in [(0, 3, [0, 1, 2]), (3, 4, [2, 3, 4, 5, 6]), (7, 12, [14, 15, 16, 17, 18])]:
        buffer.add(episodes(first, count))
        assert held(buffer) == expected
        assert len(buffer) == len(expected)
    buffer.add(episodes(19, 1))
    assert held(buffer) == [15, 16, 17, 18, 19]
    assert buffer.added == 20


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_a_text_stays_together(conditional: bool, masked: bool) -> None:
    buffer = ReplayBuffer(CONDITIONAL if conditional else SPEC, 6)
    buffer.add(episodes(0, 4, conditional, masked))
    buffer.add(episodes(4, 4, conditional, masked))
    drawn = buffer.sample(50, torch.Generator().manual_seed(0))
    for row, number in enumerate(drawn.rewards[:, 0].astype(int)):
        for name in ("tokens", "lengths", "rewards", "sources"):
            expected, found = (getattr(each, name) for each in (episodes(number, 1, conditional, masked), drawn))
            assert (expected is None) == (found is None)
            if found is not None:
                np.testing.assert_array_equal(found[row], expected[0])
                assert found.dtype == expected.dtype


def test_texts_are_drawn_equally_often_by_the_generator_alone() -> None:
    buffer = ReplayBuffer(SPEC, 8)
    buffer.add(episodes(0, 8))
    before = torch.get_rng_state()
    first, same, other = (buffer.sample(4_000, torch.Generator().manual_seed(seed)).rewards for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert torch.equal(torch.get_rng_state(), before)
    counts = np.bincount(first[:, 0].astype(int), minlength=8)
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)


def test_what_is_drawn_is_a_copy() -> None:
    buffer = ReplayBuffer(SPEC, 2)
    buffer.add(episodes(1, 2))
    buffer.sample(9, torch.Generator().manual_seed(0)).rewards[:] = 100
    assert held(buffer) == [1, 2]


def test_masks_are_computed_by_the_rule_of_the_latest_game() -> None:
    buffer = ReplayBuffer(SPEC, 10)
    buffer.add(episodes(0, 3))
    assert buffer.sample(5, torch.Generator()).allowed_tokens is None
    buffer.add(episodes(3, 3, masked=True))
    masks = masks_of(buffer.sample(100, torch.Generator().manual_seed(0)), 4)
    assert (masks[:, :2] == [True, True, True, False]).all()
    assert masks[:, 2:].all()
    assert not any(tensor.dtype == torch.bool for tensor in buffer.state_dict().values()), "no masks are kept"


def test_a_state_of_old_with_masks_is_read() -> None:
    buffer, other = ReplayBuffer(SPEC, 10), ReplayBuffer(SPEC, 10)
    buffer.add(episodes(0, 3))
    other.load_state_dict(buffer.state_dict() | {"masks": torch.ones(3, 3, 4, dtype=torch.bool)})
    assert held(other) == held(buffer)


@pytest.mark.parametrize("count", [2, 7, 12])
@pytest.mark.parametrize("masked", [False, True])
def test_it_goes_on_from_its_state(count: int, masked: bool) -> None:
    buffer, other = ReplayBuffer(CONDITIONAL, 7), ReplayBuffer(CONDITIONAL, 7)
    buffer.add(episodes(0, count, True, masked))
    other.load_state_dict(buffer.state_dict())
    for first in (20, 30):
        drawn, again = (each.sample(30, torch.Generator().manual_seed(1)) for each in (buffer, other))
        for name in ("tokens", "lengths", "rewards", "sources"):
            np.testing.assert_array_equal(getattr(drawn, name), getattr(again, name))
        for each in (buffer, other):
            each.add(episodes(first, 3, True, masked))


def test_what_does_not_fit_is_refused() -> None:
    for capacity, error in ((0, ValueError), (2.5, TypeError)):
        with pytest.raises(error, match="capacity"):
            ReplayBuffer(SPEC, capacity)  # type: ignore[arg-type]
    buffer = ReplayBuffer(SPEC, 5)
    with pytest.raises(ValueError, match="the replay buffer is empty; add texts before"):
        buffer.sample(1, torch.Generator())
    buffer.add(episodes(0, 3))
    with pytest.raises(ValueError, match="count=0"):
        buffer.sample(0, torch.Generator())
    with pytest.raises(ValueError, match=r"texts \(3, 3\) with sources do not fit a buffer of TextSpec"):
        buffer.add(episodes(0, 3, conditional=True))
    with pytest.raises(ValueError, match=r"texts \(3, 3\) with no sources do not fit a buffer of TextSpec"):
        ReplayBuffer(CONDITIONAL, 5).add(episodes(0, 3))
    with pytest.raises(ValueError, match=r"texts \(3, 3\) with no sources"):
        ReplayBuffer(TextSpec(4, 5), 5).add(episodes(0, 3))
    state: dict[str, Any] = buffer.state_dict()
    for changed, said in [
        ({"rewards": state["rewards"].float()}, r"replay: rewards is float32 \(3, 3\), expected float64 \(3, 3\)"),
        ({"added": torch.tensor(4)}, r"replay: tokens is int64 \(3, 3\), expected int64 \(4, 3\)"),
    ]:
        with pytest.raises(ValueError, match=said):
            ReplayBuffer(SPEC, 5).load_state_dict(state | changed)
    with pytest.raises(KeyError, match="lengths"):
        ReplayBuffer(SPEC, 5).load_state_dict({name: state[name] for name in ("tokens", "rewards", "added")})
