"""A step of the language model is its forward pass, one token at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from support.language_models import CELLS, built, generator, texts
from textgen_env.models import linear_softmax, token_model
from textgen_env.models.language_model import FEW_ROWS, Cell, LanguageModel
from textgen_env.models.linear_softmax import rows_at_once

pytestmark = pytest.mark.usefixtures("path")


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_steps_equal_the_forward_pass(cell: Cell) -> None:
    model = built(cell)
    tokens = torch.randint(11, (9, 7), generator=generator(1))
    whole = model(tokens)
    assert whole.shape == (9, 7, 11)
    inputs, state = model.start(9), model.initial_state(9)
    for t in range(7):
        logits, state = model.step(inputs, state)
        torch.testing.assert_close(logits, whole[:, t], atol=1e-5, rtol=1e-5)
        inputs = tokens[:, t]
    # The state goes on where the forward pass of the rest begins.
    assert len(state) == (2 if cell == "lstm" else 1)
    assert all(part.shape == (9, 6) for part in state)


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_rows_of_a_state_may_be_gathered(cell: Cell) -> None:
    """Branching: the rows of a state are states."""
    model = built(cell)
    _, state = model.step(torch.arange(9), model.initial_state(9))
    rows = np.array([4, 4, 0])
    alone, _ = model.step(torch.tensor([1, 2, 3]), tuple(part[rows] for part in state))
    for which, (row, token) in enumerate(zip(rows, (1, 2, 3), strict=True)):
        expected, _ = model.step(torch.full((9,), token), state)
        torch.testing.assert_close(alone[which], expected[row], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("rows", [1, 50, FEW_ROWS, FEW_ROWS + 1])
def test_a_step_is_the_same_with_and_without_gradients(cell: Cell, rows: int) -> None:
    model = built(cell)
    inputs = torch.randint(12, (rows,), generator=generator(1))
    state = tuple(torch.randn(part.shape, generator=generator(2)) for part in model.initial_state(rows))
    # Columns of wider arrays: they lie apart in memory.
    apart = tuple(torch.stack([part, part], 2)[..., 0] for part in state)
    learned = model.advance(inputs, apart)
    assert all(part.requires_grad for part in learned)
    for disabled in (torch.no_grad, torch.inference_mode):
        with disabled():
            found = model.advance(inputs, apart)
        for part, expected in zip(found, learned, strict=True):
            torch.testing.assert_close(part, expected.detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bad", [-1, 12])
def test_an_input_that_is_no_token_is_refused(bad: int) -> None:
    model = built("gru")
    with torch.no_grad(), pytest.raises(IndexError):
        model.advance(torch.tensor([0, bad]), model.initial_state(2))


@torch.no_grad()
def test_the_gru_equals_its_equations() -> None:
    model = built("gru")
    state = {key: value.double() for key, value in model.state_dict().items()}
    x = state["embedding.weight"][[3]]
    hidden = torch.full((1, 6), 0.5, dtype=torch.float64)
    from_x = x @ state["rnn.weight_ih_l0"].T + state["rnn.bias_ih_l0"]
    from_h = hidden @ state["rnn.weight_hh_l0"].T + state["rnn.bias_hh_l0"]
    (xr, xz, xn), (hr, hz, hn) = from_x.chunk(3, -1), from_h.chunk(3, -1)
    update = torch.sigmoid(xz + hz)
    expected = (1 - update) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + update * hidden
    logits, (after,) = model.step(torch.tensor([3]), (hidden.float(),))
    torch.testing.assert_close(after.double(), expected, atol=1e-5, rtol=1e-5)
    by_hand = expected @ state["output.weight"].T + state["output.bias"]
    torch.testing.assert_close(logits.double(), by_hand, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_log_probs_read_written_tokens_alone(cell: Cell) -> None:
    model = built(cell)
    tokens, lengths = texts()
    log_probs = model.log_probs(tokens, lengths)
    written = torch.arange(7) < lengths[:, None]
    assert (log_probs[~written] == 0).all()
    assert (log_probs[written] < 0).all()
    expected = torch.log_softmax(model(tokens).double(), -1)
    chosen = expected.gather(2, tokens.clamp(max=10)[..., None])[..., 0]
    torch.testing.assert_close(log_probs[written].double(), chosen[written], atol=1e-5, rtol=1e-5)
    # What stands after the end changes nothing.
    other = tokens.clone()
    other[~written] = 3
    torch.testing.assert_close(model.log_probs(other, lengths), log_probs)


@pytest.mark.parametrize("cell", CELLS)
def test_log_probs_are_the_same_in_parts_and_with_gradients(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(cell)
    tokens, lengths = texts(40)
    state = tuple(torch.randn(part.shape, generator=generator(2)) for part in model.initial_state(40))
    learned = model.log_probs(tokens, lengths, state)
    assert learned.requires_grad
    with torch.no_grad():
        whole = model.log_probs(tokens, lengths, state)
        monkeypatch.setattr(token_model, "TEXTS_AT_ONCE", 7)
        monkeypatch.setattr(linear_softmax, "IN_CACHE", 55)
        assert rows_at_once(model.output.weight) == 5
        parts = model.log_probs(tokens, lengths, state)
    torch.testing.assert_close(whole, learned.detach(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)
    # A model that learns nothing takes the way without gradients, whatever torch's mode.
    assert not model.requires_grad_(False).log_probs(tokens, lengths, state).requires_grad
    learning = tuple(part.requires_grad_() for part in state)
    model.log_probs(tokens, lengths, learning).sum().backward()
    assert learning[0].grad is not None
    assert learning[0].grad.any()


@torch.no_grad()
def test_no_texts() -> None:
    model = built("lstm")
    assert model.log_probs(torch.zeros(0, 7, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)).shape == (0, 7)
    assert model.log_probs(torch.full((3, 7), 11), torch.zeros(3, dtype=torch.int64)).tolist() == [[0.0] * 7] * 3
    assert [part.shape for part in model.sample(0, 7, generator())] == [(0, 7), (0,)]


@pytest.mark.parametrize("cell", CELLS)
def test_it_learns_what_it_is_shown(cell: Cell) -> None:
    model = built(cell, std=0.1)
    tokens = torch.tensor([[1, 2, 3, 4]] * 8)
    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.05)
    for _ in range(60):
        loss = -model.log_probs(tokens, torch.full((8,), 4)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1
    if cell == "lstm":
        assert not model.rnn.bias_hh_l0.any()


def test_a_bad_cell_is_refused() -> None:
    bad: Any = "rnn"
    with pytest.raises(ValueError, match="cell='rnn' must be 'lstm' or 'gru'"):
        LanguageModel(5, cell=bad)


@pytest.mark.parametrize("cell", CELLS)
def test_initial_parameters_are_normal_and_depend_on_the_generator_alone(cell: Cell) -> None:
    before = torch.get_rng_state()
    model = LanguageModel(500, 32, 32, cell).initialise(generator(7), std=0.1)
    again = LanguageModel(500, 32, 32, cell).initialise(generator(7), std=0.1)
    assert torch.equal(torch.get_rng_state(), before)
    for key, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
        if cell == "lstm" and key == "rnn.bias_hh_l0":
            assert not value.any()
        else:
            assert value.std().item() == pytest.approx(0.1, rel=5 / np.sqrt(2 * value.numel()))
            assert abs(value.mean().item()) < 0.5 / np.sqrt(value.numel())


def test_the_start_may_be_a_token_or_its_own() -> None:
    assert built("lstm", start_id=0).embedding.num_embeddings == 11
    own = built("lstm")
    assert own.embedding.num_embeddings == 12
    assert isinstance(own.rnn, nn.LSTM)
    assert own.start(2).tolist() == [11, 11]
