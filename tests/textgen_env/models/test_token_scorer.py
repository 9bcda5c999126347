"""A step of the scorer is the language model's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from textgen_env.kernels import kernels
from textgen_env.models import token_scorer
from textgen_env.models.language_model import FEW_ROWS, Cell, LanguageModel
from textgen_env.models.token_scorer import TokenScorer

pytestmark = pytest.mark.usefixtures("path")


def model(cell: Cell, vocab_size: int = 50) -> LanguageModel:
    return LanguageModel(vocab_size, 9, 20, cell, vocab_size).initialise(torch.Generator().manual_seed(0), 1.0)


def runs_on_kernels() -> bool:
    return kernels("recurrent") is not None


def before(cell: Cell, rows: int) -> tuple[np.ndarray, ...]:
    """A state in the middle of texts."""
    rng = np.random.default_rng(rows)
    hidden = rng.uniform(-1, 1, (rows, 20)).astype(np.float32)
    return (hidden, rng.standard_normal((rows, 20)).astype(np.float32)) if cell == "lstm" else (hidden,)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("rows", [0, 1, 64, FEW_ROWS, FEW_ROWS + 1])
def test_log_probs_and_states_are_those_of_float64(cell: Cell, rows: int) -> None:
    trained = model(cell)
    rng = np.random.default_rng(1)
    inputs, tokens = rng.integers(51, size=rows), rng.integers(50, size=rows)
    state = before(cell, rows)
    found, after = TokenScorer(trained).step(inputs, tokens, state)
    with torch.no_grad():
        logits, expected = trained.double().step(
            torch.from_numpy(inputs), tuple(torch.from_numpy(part).double() for part in state)
        )
    log_probs = torch.log_softmax(logits, 1).gather(1, torch.from_numpy(tokens).unsqueeze(1)).squeeze(1)
    assert (found.shape, found.dtype) == ((rows,), np.float32)
    np.testing.assert_allclose(found, log_probs.numpy(), atol=1e-5, rtol=1e-6)
    for part, exact, given in zip(after, expected, state, strict=True):
        assert part.dtype == np.float32
        assert not np.shares_memory(part, given)
        np.testing.assert_allclose(part, exact.numpy(), atol=2e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("vocab_size", [50, 700])
@pytest.mark.parametrize("large", [False, True])
def test_many_rows_go_where_a_few_do(cell: Cell, vocab_size: int, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more words than rows or fewer, rows in several parts, and logits beyond where e^x is finite."""
    trained = model(cell, vocab_size)
    with torch.no_grad():
        trained.output.weight[::3] *= 400 if large else 1
    rows = FEW_ROWS + 44
    rng = np.random.default_rng(3)
    inputs, tokens = rng.integers(vocab_size + 1, size=rows), rng.integers(vocab_size, size=rows)
    state = before(cell, rows)
    monkeypatch.setattr(token_scorer, "MANY", 64)
    scorer = TokenScorer(trained)
    found, after = scorer.step(inputs, tokens, state)
    again, _ = scorer.step(inputs, tokens, state)
    np.testing.assert_array_equal(found, again)
    for rows_of in np.array_split(np.arange(rows), 3):
        some, some_after = scorer.step(inputs[rows_of], tokens[rows_of], tuple(part[rows_of] for part in state))
        np.testing.assert_allclose(found[rows_of], some, rtol=1e-5, atol=1e-5)
        for part, wanted in zip(after, some_after, strict=True):
            np.testing.assert_allclose(part[rows_of], wanted, atol=2e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_single_row_goes_where_a_row_of_many_does(cell: Cell) -> None:
    trained = model(cell)
    scorer = TokenScorer(trained)
    state = before(cell, 40)
    rng = np.random.default_rng(1)
    inputs, tokens = rng.integers(51, size=40), rng.integers(50, size=40)
    log_probs, after = scorer.step(inputs, tokens, state)
    for row in range(40):
        parts = tuple(part[row].copy() for part in state)
        found = scorer.step_one(int(inputs[row]), int(tokens[row]), parts)
        if not runs_on_kernels():
            assert found is None
            after_row = state
        else:
            assert found == pytest.approx(log_probs[row], abs=1e-5)
            after_row = after
        for part, wanted in zip(parts, after_row, strict=True):
            np.testing.assert_allclose(part, wanted[row], atol=2e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(("inputs", "token"), [(-1, 0), (51, 0), (0, -1), (0, 50), (7, 0)])
def test_a_single_row_without_an_answer_stays_as_it_is(cell: Cell, inputs: int, token: int) -> None:
    trained = model(cell)
    with torch.no_grad():
        trained.embedding.weight[7] = torch.nan
    parts = tuple(part[0].copy() for part in before(cell, 1))
    assert TokenScorer(trained).step_one(inputs, token, parts) is None
    for part, given in zip(parts, before(cell, 1), strict=True):
        np.testing.assert_array_equal(part, given[0])


def test_large_vocabularies_are_scored_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    trained, state = model("gru"), before("gru", 100)
    rng = np.random.default_rng(2)
    inputs, tokens = rng.integers(50, size=(2, 100))
    whole = TokenScorer(trained).step(inputs, tokens, state)[0]
    monkeypatch.setattr(token_scorer, "rows_at_once", lambda weight: 3)
    np.testing.assert_allclose(TokenScorer(trained).step(inputs, tokens, state)[0], whole, atol=1e-6)


def test_what_is_written_into_the_parameters_counts() -> None:
    trained = model("lstm")
    scorer = TokenScorer(trained)
    tokens, state = np.arange(5), before("lstm", 5)
    first = scorer.step(tokens, tokens, state)[0]
    trained.load_state_dict({name: -tensor for name, tensor in trained.state_dict().items()})
    second = scorer.step(tokens, tokens, state)[0]
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(second, TokenScorer(trained).step(tokens, tokens, state)[0])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bad", [-1, 51, 2**40])
def test_what_is_no_token_is_refused(cell: Cell, bad: int) -> None:
    scorer = TokenScorer(model(cell))
    good, wrong = np.zeros(4, np.int64), np.array([0, 0, bad, 0])
    with pytest.raises(IndexError):
        scorer.step(wrong, good, before(cell, 4))
    with pytest.raises(IndexError, match=rf"tokens\[2\]={bad} must be"):
        scorer.step(good, wrong, before(cell, 4))
    rows = 2 * token_scorer.MANY
    good, wrong = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    wrong[rows - 2] = bad
    with pytest.raises(IndexError):
        scorer.step(wrong, good, before(cell, rows))
    with pytest.raises(IndexError, match=rf"tokens\[{rows - 2}\]={bad} must be" if runs_on_kernels() else None):
        scorer.step(good, wrong, before(cell, rows))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_is_no_number_stays_none(cell: Cell) -> None:
    trained = model(cell)
    with torch.no_grad():
        trained.embedding.weight[7] = torch.nan
    tokens = np.array([7, 8])
    log_probs, after = TokenScorer(trained).step(tokens, tokens, before(cell, 2))
    assert np.isnan(log_probs).tolist() == [True, False]
    assert all(np.isnan(part[0]).all() and np.isfinite(part[1]).all() for part in after)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gates_saturate_without_overflow(cell: Cell) -> None:
    trained = model(cell)
    with torch.no_grad():
        trained.embedding.weight.mul_(1e4)
    tokens, state = np.arange(50), before(cell, 50)
    _, after = TokenScorer(trained).step(tokens, tokens, state)
    with torch.no_grad():
        expected = trained.advance(torch.from_numpy(tokens), tuple(torch.from_numpy(part) for part in state))
        exact = trained.double().advance(
            torch.from_numpy(tokens), tuple(torch.from_numpy(part).double() for part in state)
        )
    for part, plain, wide in zip(after, expected, exact, strict=True):
        assert np.isfinite(part).all()
        np.testing.assert_allclose(part, plain.numpy(), atol=2e-3)
        # Products of this size are rounded to a thousandth.
        assert np.median(np.abs(part - wide.numpy())) < 1e-5
