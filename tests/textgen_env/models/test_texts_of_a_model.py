"""Texts drawn from a language model are the model's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from support.language_models import CELLS, built, generator
from textgen_env.models import linear_softmax
from textgen_env.models.language_model import Cell
from textgen_env.models.linear_softmax import rows_at_once

pytestmark = pytest.mark.usefixtures("path")


@pytest.mark.parametrize("cell", CELLS)
def test_samples_end_at_the_end_token(cell: Cell) -> None:
    model = built(cell)
    tokens, lengths = model.sample(400, 7, generator(2), eos_id=4)
    assert (tokens.shape, tokens.dtype, lengths.dtype) == ((400, 7), torch.int64, torch.int64)
    positions = torch.arange(7)
    written = positions < lengths[:, None]
    assert (tokens[~written] == 11).all()
    assert (tokens[written] < 11).all()
    ends = tokens == 4
    assert (ends.sum(1) <= 1).all()
    assert (ends[torch.arange(400), lengths - 1] | (lengths == 7)).all()
    assert len(lengths.unique()) > 3


def test_samples_without_an_end_token_have_full_length() -> None:
    tokens, lengths = built("lstm").sample(50, 7, generator(2))
    assert (lengths == 7).all()
    assert (tokens < 11).all()


@pytest.mark.parametrize("cell", CELLS)
def test_a_text_hangs_on_its_own_numbers_alone(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on how many are written together, nor on whether others have ended."""
    model = built(cell)
    whole = model.sample(40, 7, generator(2), eos_id=4)
    going_on = generator(2)
    calls = [model.sample(count, 7, going_on, eos_id=4) for count in (1, 30, 9)]
    monkeypatch.setattr(linear_softmax, "IN_CACHE", 33)
    assert rows_at_once(model.output.weight) == 3
    in_parts = model.sample(40, 7, generator(2), eos_id=4)
    for part, expected in enumerate(whole):
        assert torch.equal(torch.cat([call[part] for call in calls]), expected)
        assert torch.equal(in_parts[part], expected)
    # Without an end token the texts are the same as far as they go.
    written = torch.arange(7) < whole[1][:, None]
    assert torch.equal(model.sample(40, 7, generator(2))[0][written], whole[0][written])


@torch.no_grad()
def test_parameters_that_are_no_numbers_write_no_text() -> None:
    model = built("lstm")
    model.output.bias[3] = torch.nan
    with pytest.raises(FloatingPointError, match="has no token to draw"):
        model.sample(2, 3, generator())


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_samples_come_from_the_model(cell: Cell) -> None:
    """A sample's log p differs from the entropies of its steps by a martingale, whose mean is 0."""
    model = built(cell)
    tokens, lengths = model.sample(4_000, 7, generator(3), eos_id=4)
    log_probs = torch.log_softmax(model(tokens).double(), -1)
    entropies = -(log_probs.exp() * log_probs).sum(-1)
    written = torch.arange(7) < lengths[:, None]
    surprise = ((model.log_probs(tokens, lengths) + entropies) * written).sum(1)
    assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(4_000)


@torch.no_grad()
def test_temperature_sharpens() -> None:
    model = built("lstm")
    lengths = torch.full((500,), 7)
    nll = [
        -model.log_probs(model.sample(500, 7, generator(4), temperature=t)[0], lengths).mean().item()
        for t in (0.01, 0.5, 1.0, 2.0)
    ]
    assert nll == sorted(nll)
    greedy = model.sample(2, 7, generator(4), temperature=1e-6)[0]
    torch.testing.assert_close(model(greedy).argmax(-1), greedy)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_bad_temperature_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match=rf"temperature={temperature} must be greater than 0"):
        built("lstm").sample(1, 2, generator(), temperature=temperature)


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_samples_start_from_a_state(cell: Cell) -> None:
    model = built(cell)
    _, state = model.step(torch.full((3,), 5), model.initial_state(3))
    first = model.sample(3, 4, generator(6), state=state)[0]
    assert torch.equal(model.sample(3, 4, generator(6), state=state)[0], first)
    # From another state the likeliest texts are others.
    cold = [
        model.sample(1, 7, generator(6), temperature=1e-6, state=tuple(p[:1] * k for p in state))[0] for k in (1, -9)
    ]
    assert not torch.equal(*cold)
