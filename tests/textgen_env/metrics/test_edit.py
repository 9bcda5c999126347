"""Edit distance and word error rate against the recursion written out, and against jiwer."""

from __future__ import annotations

from functools import cache
from typing import Any

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env.metrics import edit_distance, word_error_rate

pytestmark = pytest.mark.usefixtures("path")
HUGE = 2**62
# On either side of the 64 tokens that the compiled loop takes at a time.
LENGTHS = (0, 1, 2, 20, 63, 64, 65, 127, 128, 129, 193)


def padded(texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(text) for text in texts], np.int64)
    # What follows a text is a token that texts have too: it must not be read.
    tokens = np.ones((len(texts), int(lengths.max(initial=0)) + 1), np.int64)
    for row, text in enumerate(texts):
        tokens[row, : len(text)] = text
    return tokens, lengths


def by_recursion(text: list[int], reference: list[int]) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        replaced = distance(i - 1, j - 1) + (text[i - 1] != reference[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, replaced)

    return distance(len(text), len(reference))


def by_jiwer(text: list[int], reference: list[int]) -> tuple[int, float]:
    """Edits and word error rate."""
    judged = jiwer.process_words(" ".join(map(str, reference)), " ".join(map(str, text)))
    return judged.substitutions + judged.deletions + judged.insertions, judged.wer


def edited(rng: np.random.Generator, text: list[int], edits: int, alphabet: int) -> list[int]:
    text = list(text)
    for kind in rng.integers(3, size=edits):
        at = int(rng.integers(len(text) + 1))
        text[at : at + int(kind > 0)] = [int(rng.integers(alphabet))] if kind < 2 else []
    return text


def assert_jiwers(written: list[list[int]], references: list[list[int]]) -> None:
    expected = [by_jiwer(text, reference) for text, reference in zip(written, references, strict=True)]
    arguments = (*padded(written), *padded(references))
    distances, rates = edit_distance(*arguments), word_error_rate(*arguments)
    assert distances.dtype == np.int64
    assert distances.tolist() == [edits for edits, _ in expected]
    assert rates.tolist() == [rate for _, rate in expected]


texts = st.lists(st.integers(0, 3), max_size=8)
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=6)


@settings(deadline=None, max_examples=400)
@given(pairs=pairs)
def test_distance_is_the_recursions(pairs: list[tuple[list[int], list[int]]]) -> None:
    written, references = ([pair[side] for pair in pairs] for side in (0, 1))
    distances = edit_distance(*padded(written), *padded(references))
    assert distances.tolist() == [by_recursion(*pair) for pair in pairs]
    assert distances.tolist() == edit_distance(*padded(references), *padded(written)).tolist()


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), alphabet=st.sampled_from([1, 2, 5, 5000]), longest=st.sampled_from([4, 20, 140]))
def test_equals_jiwer_on_random_and_on_similar_texts(seed: int, alphabet: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    references = [rng.integers(alphabet, size=n).tolist() for n in rng.integers(longest + 1, size=24)]
    strangers = [rng.integers(alphabet, size=n).tolist() for n in rng.integers(longest + 1, size=12)]
    similar = [edited(rng, text, int(rng.integers(8)), alphabet) for text in references[12:]]
    assert_jiwers(strangers + similar, references)


@pytest.mark.parametrize(
    "pattern",
    [
        lambda rng, n: [7] * n,
        lambda rng, n: list(range(n)),
        lambda rng, n: list(range(n))[::-1],
        lambda rng, n: list(range(1, n + 1)),
        lambda rng, n: [i % 2 for i in range(n)],
        lambda rng, n: rng.integers(3, size=n).tolist(),
        lambda rng, n: (HUGE - rng.integers(3, size=n)).tolist(),
        lambda rng, n: (HUGE + 2**32 * rng.integers(3, size=n)).tolist(),
    ],
    ids=["one token", "counting", "backwards", "shifted", "alternating", "random", "huge ids", "equal low bits"],
)
def test_equals_jiwer_at_the_lengths_where_blocks_begin(pattern: Any) -> None:
    rng = np.random.default_rng(0)
    lengths = [(n, m) for n in LENGTHS for m in LENGTHS]
    counting = [list(range(m)) for _, m in lengths]
    assert_jiwers([pattern(rng, n) for n, _ in lengths], counting)
    assert_jiwers([pattern(rng, n) for n, _ in lengths], [pattern(rng, m) for _, m in lengths])


def test_copies_and_strangers() -> None:
    rng = np.random.default_rng(1)
    long = [rng.integers(9, size=n).tolist() for n in rng.integers(1000, size=20)]
    assert not edit_distance(*padded(long), *padded(long)).any()
    strangers = [[token + 9 for token in text[::2]] for text in long]
    assert edit_distance(*padded(strangers), *padded(long)).tolist() == [len(text) for text in long]


def test_rate_of_a_corpus() -> None:
    rng = np.random.default_rng(0)
    written = [rng.integers(0, 9, n).tolist() for n in rng.integers(0, 20, 300)]
    references = [rng.integers(0, 9, n).tolist() for n in rng.integers(1, 20, 300)]
    said, meant = ([" ".join(map(str, text)) for text in side] for side in (written, references))
    rates = word_error_rate(*padded(written), *padded(references))
    lengths = padded(references)[1]
    assert (rates * lengths).sum() / lengths.sum() == pytest.approx(jiwer.wer(meant, said), abs=1e-12)


def test_empty_texts_and_references() -> None:
    none, some = (np.zeros((1, 0), np.int64), np.array([0])), (np.array([[4, 4, 5]]), np.array([3]))
    assert word_error_rate(*none, *none).tolist() == [0.0]
    assert word_error_rate(*some, *none).tolist() == [3.0]
    assert word_error_rate(*none, *some).tolist() == [1.0]
    nothing = (np.zeros((0, 4), np.int64), np.zeros(0, np.int64))
    assert edit_distance(*nothing, *nothing).shape == (0,)


def test_arrays_of_any_layout_and_integer_type() -> None:
    rng = np.random.default_rng(2)
    tokens, lengths = rng.integers(5, size=(2, 30, 80)), rng.integers(81, size=(2, 30))
    expected = edit_distance(tokens[0], lengths[0], tokens[1], lengths[1]).tolist()
    wide = np.repeat(tokens, 2, axis=2)[:, :, ::2]
    frozen = tokens.copy()
    frozen.flags.writeable = False
    for same in (wide, frozen, tokens.astype(np.uint8), np.asfortranarray(tokens), tokens.astype(">i4")):
        assert edit_distance(same[0], lengths[0].astype(np.int32), same[1], lengths[1]).tolist() == expected
    assert (tokens == frozen).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1]], [1], [[1], [2]], [1, 1]), ValueError, "reference_tokens has 2 rows, expected 1"),
        (([[1]], [2], [[1]], [1]), ValueError, r"^lengths\[0\]=2"),
        (([[1]], [1], [[1]], [2]), ValueError, r"references: lengths\[0\]=2"),
        (([[1]], [1], [[-1]], [1]), ValueError, "references: .*must be a token id"),
        (([[1.0]], [1], [[1]], [1]), TypeError, "integers"),
    ],
)
def test_refuses(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        edit_distance(*(np.array(argument) for argument in arguments))
