"""The tiny task is enumerated whole, and its data come from a Markov chain."""

from __future__ import annotations

import numpy as np
import pytest

from textgen_env.tasks.tiny import TinyTask


@pytest.mark.parametrize(("vocab_size", "max_length"), [(4, 5), (2, 3), (3, 1), (1, 4)])
def test_all_texts_are_there_once(vocab_size: int, max_length: int) -> None:
    task = TinyTask(vocab_size, max_length)
    tokens, lengths, _ = task.all_texts()
    letters = vocab_size - 1
    # Closed by the end token after n letters, or of full length without one.
    expected = sum(letters**n for n in range(max_length)) + letters**max_length
    assert len(tokens) == len(np.unique(tokens, axis=0)) == expected
    np.testing.assert_array_equal(task.vocabulary.lengths(tokens), lengths)
    written = np.arange(max_length) < lengths[:, None]
    assert (tokens[~written] == vocab_size).all()
    assert (tokens[written] < vocab_size).all()
    closed = tokens[np.arange(len(tokens)), lengths - 1] == 0
    assert (closed | (lengths == max_length)).all()


def test_the_data_are_among_all_texts() -> None:
    task = TinyTask()
    every = {tuple(row) for row in task.all_texts().tokens.tolist()}
    for texts in (task.training_sequences(), task.test_sequences()):
        assert len(texts.tokens) == 1_000
        assert {tuple(row) for row in texts.tokens.tolist()} <= every
    assert not np.array_equal(task.training_sequences().tokens, task.test_sequences().tokens)


def test_the_data_depend_on_the_seed_alone() -> None:
    first, again, other = (TinyTask(seed=seed).training_sequences().tokens for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_data_are_a_markov_chain() -> None:
    """What follows a letter does not depend on the letter before it."""
    tokens = TinyTask(vocab_size=3, max_length=8, train_size=20_000).training_sequences().tokens
    after = np.zeros((3, 3, 3))
    for t in range(2, 8):
        known = tokens[:, t] < 3
        np.add.at(after, (tokens[known, t - 2], tokens[known, t - 1], tokens[known, t]), 1)
    for letter in (1, 2):
        counts = after[1:, letter]
        expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
        # Two degrees of freedom: 18.4 is exceeded once in ten thousand.
        assert ((counts - expected) ** 2 / expected).sum() < 18.4


def test_names_of_letters() -> None:
    assert TinyTask(vocab_size=4).vocabulary.tokens == ("<eos>", "a", "b", "c")
    assert TinyTask(vocab_size=30).vocabulary.tokens[:3] == ("<eos>", "t1", "t2")
    assert TinyTask().vocabulary.eos_id == 0
