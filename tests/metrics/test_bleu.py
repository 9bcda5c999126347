"""BleuScorer against sacrebleu, and its errors."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from textgen_env.metrics import BleuScorer
from textgen_env.metrics.bleu import LengthTable, bleu, brevity_penalty, ngram_totals, smoothed_precisions
from textgen_env.metrics.ngrams import NgramTable

SMOOTHINGS = st.one_of(
    st.just(("none", None)),
    st.just(("exp", None)),
    st.tuples(st.just("floor"), st.none() | st.floats(0, 1)),
    st.tuples(st.just("add-k"), st.none() | st.floats(0, 10)),
)
# ids 0 .. 3 make matches and repeats frequent; 1000 stands in texts alone
TEXT = st.lists(st.sampled_from([0, 1, 2, 3, 1000]), max_size=12)
REFERENCE = st.lists(st.integers(0, 3), max_size=10)


def words(ids):
    return " ".join(map(str, ids))


def judged(references, texts, max_order=4, smooth_method="exp", smooth_value=None, effective_order=False):
    """sacrebleu's scores of each text against all references, in [0, 1]."""
    judge = BLEU(
        tokenize="none",
        smooth_method=smooth_method,
        smooth_value=smooth_value,
        max_ngram_order=max_order,
        effective_order=effective_order,
        references=[[words(reference)] for reference in references],
    )
    return np.array([judge.corpus_score([words(text)], None).score / 100 for text in texts])


def batch(texts, extra=0, blank=3):
    """Padded to the longest text and `extra` more, with an id that the references know."""
    width = max(map(len, texts), default=0) + extra
    tokens = np.full((len(texts), width), blank)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = text
    return tokens, np.array([len(text) for text in texts], np.int64)


@settings(max_examples=400, deadline=None)
@given(
    references=st.lists(REFERENCE, min_size=1, max_size=6),
    texts=st.lists(TEXT, min_size=1, max_size=6),
    max_order=st.integers(1, 7),
    smoothing=SMOOTHINGS,
    effective_order=st.booleans(),
    extra=st.integers(0, 2),
)
@example([[0, 1, 2, 3]], [[]], 4, ("add-k", None), True, 0)
@example([[]], [[], [0]], 4, ("exp", None), True, 0)
@example([[0], [0, 1, 2]], [[0, 1]], 4, ("exp", None), True, 0)
@example([[0, 0, 0], [0, 1]], [[0] * 12, [0, 0, 0]], 7, ("floor", None), False, 0)
@example([[0, 1, 2]], [[0, 1]], 7, ("add-k", 0.0), False, 0)
def test_equals_sacrebleu(references, texts, max_order, smoothing, effective_order, extra):
    kwargs = {
        "max_order": max_order,
        "smooth_method": smoothing[0],
        "smooth_value": smoothing[1],
        "effective_order": effective_order,
    }
    scores = BleuScorer(references, **kwargs).score(*batch(texts, extra))
    assert scores.dtype == np.float64
    assert scores.shape == (len(texts),)
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_allclose(scores, judged(references, texts, **kwargs), rtol=0, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), smoothing=SMOOTHINGS, effective_order=st.booleans(), max_order=st.integers(1, 5))
def test_groups_are_scored_by_themselves(data, smoothing, effective_order, max_order):
    names = data.draw(st.lists(st.integers(-5, 10**12), min_size=1, max_size=4, unique=True))
    references = {name: data.draw(st.lists(REFERENCE, min_size=1, max_size=3)) for name in names}
    texts = data.draw(st.lists(st.tuples(st.sampled_from(names), TEXT), min_size=1, max_size=5))
    flat = data.draw(st.permutations([(name, r) for name in names for r in references[name]]))
    kwargs = {
        "max_order": max_order,
        "smooth_method": smoothing[0],
        "smooth_value": smoothing[1],
        "effective_order": effective_order,
    }
    scorer = BleuScorer([r for _, r in flat], **kwargs, groups=np.array([name for name, _ in flat]))
    scores = scorer.score(*batch([text for _, text in texts]), groups=np.array([name for name, _ in texts]))
    expected = [judged(references[name], [text], **kwargs)[0] for name, text in texts]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)


@settings(max_examples=300, deadline=None)
@given(
    references=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=3), min_size=1, max_size=3),
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=10),
)
@example([[2], [6]], [5])
@example([[2], [3]], [30])
def test_closest_reference_length(references, lengths):
    """Of each group by brute force; the shorter of two equally close."""
    flat = np.array([length for group in references for length in group])
    table = LengthTable.of(flat, np.repeat(np.arange(len(references)), [len(group) for group in references]))
    for group, own in enumerate(references):
        closest = table.closest(np.array(lengths), np.full(len(lengths), group))
        assert closest.tolist() == [min(own, key=lambda r, n=n: (abs(r - n), r)) for n in lengths]


def test_equals_sacrebleu_on_a_large_vocabulary():
    rng = np.random.default_rng(0)
    references = rng.integers(0, 500, (300, 20))
    tokens = rng.integers(0, 600, (64, 20))
    # long shared runs in half of the texts, so that every order has matches
    tokens[::2, 3:15] = references[rng.integers(0, 300, 32), 5:17]
    lengths = rng.integers(0, 21, 64)
    texts = [row[:length] for row, length in zip(tokens.tolist(), lengths, strict=True)]
    scores = BleuScorer(references.tolist()).score(tokens, lengths)
    np.testing.assert_allclose(scores, judged(references.tolist(), texts), rtol=0, atol=1e-9)
    assert scores.max() > 0.3


def test_papineni_examples():
    """The clipped unigram precision 2/7 of section 2.1, and the brevity penalty of section 2.2.2."""
    the, cat, is_, on, mat, there, a = range(7)
    references = [[the, cat, is_, on, the, mat], [there, is_, a, cat, on, the, mat]]
    text = np.array([[the] * 7])
    assert BleuScorer(references, max_order=1).score(text, np.array([7]))[0] == pytest.approx(2 / 7, abs=1e-15)
    np.testing.assert_allclose(
        brevity_penalty(np.array([12, 10, 0, 0]), np.array([10, 12, 3, 0])), [1, np.exp(-0.2), 0, 1], rtol=1e-15
    )


def test_parts_by_hand():
    """Text 0 0 1 against 0 1: 2 of 3 unigrams, 1 of 2 bigrams, none of 1 trigram, no 4-gram to have."""
    table = NgramTable.of(np.array([0, 1]), np.array([2]), np.array([0]), 4)
    matches = table.clipped_matches(np.array([[0, 0, 1]]), np.array([3]), np.array([0]))
    np.testing.assert_array_equal(matches, [[2, 1, 0, 0]])
    totals = ngram_totals(np.array([3]), 4)
    np.testing.assert_array_equal(totals, [[3, 2, 1, 0]])
    expected = {"none": [2 / 3, 1 / 2, 0, 0], "exp": [2 / 3, 1 / 2, 1 / 2, 0], "floor": [2 / 3, 1 / 2, 0.1, 0]}
    for method, precisions in expected.items():
        smoothed, orders = smoothed_precisions(matches, totals, method, 0.1)
        np.testing.assert_allclose(smoothed, [precisions], rtol=1e-15)
        assert orders.tolist() == [3]
    smoothed, orders = smoothed_precisions(matches, totals, "add-k", 1.0)
    np.testing.assert_allclose(smoothed, [[2 / 3, 2 / 3, 1 / 2, 1]], rtol=1e-15)
    assert orders.tolist() == [4]
    scores = bleu(np.array([[0.5, 0.5], [0.5, 0.0]]), np.array([2, 2]), np.array([0.5, 1.0]))
    np.testing.assert_allclose(scores, [0.25, 0.0], rtol=1e-15)


def test_reference_scores_one_and_order_of_rows_is_irrelevant():
    rng = np.random.default_rng(1)
    references = rng.integers(0, 50, (40, 12))
    scorer = BleuScorer(references.tolist())
    lengths = np.full(40, 12)
    assert (scorer.score(references, lengths) == 1.0).all()
    tokens = rng.integers(0, 50, (40, 12))
    order = rng.permutation(40)
    scores = scorer.score(tokens, lengths)
    np.testing.assert_array_equal(scores[order], scorer.score(tokens[order], lengths))
    np.testing.assert_array_equal(scores, [scorer.score(row[None], np.array([12]))[0] for row in tokens])
    np.testing.assert_array_equal(scores, scorer.score(tokens.astype(np.int32), lengths.astype(np.uint8)))


def test_what_follows_the_length_is_not_read():
    scorer = BleuScorer([[1, 2, 3, 4]], effective_order=True)
    before = scorer.score(np.array([[1, 2]]), np.array([2]))
    np.testing.assert_array_equal(scorer.score(np.array([[1, 2, 3, -1]]), np.array([2])), before)


def test_empty_batch():
    scorer = BleuScorer([[1]])
    assert scorer.score(np.zeros((0, 5), np.int64), np.zeros(0, np.int64)).shape == (0,)
    assert scorer.score(np.zeros((2, 0), np.int64), np.zeros(2, np.int64)).tolist() == [0, 0]


def test_large_ids_are_exact_and_too_large_ones_refused():
    big = 2**60
    texts = [[big, big - 1, 7], [big, 7, 7]]
    tokens, lengths = batch(texts)
    expected = judged([[big, big - 1]], texts, max_order=2)
    np.testing.assert_allclose(BleuScorer([[big, big - 1]], max_order=2).score(tokens, lengths), expected, atol=1e-9)
    with pytest.raises(ValueError, match="64 bits"):
        BleuScorer([[big, *range(8)]])
    with pytest.raises(ValueError, match="64 bits"):
        BleuScorer([[2**63 - 1]])


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"references": []}, ValueError, "references: got none"),
        ({"references": [[0], [3, -2]]}, ValueError, r"references\[1\] holds -2"),
        ({"references": [[0.5]]}, TypeError, "integer token ids, got dtype float64"),
        ({"references": ["ab"]}, TypeError, "references must hold integer"),
        ({"references": [[[0]]]}, TypeError, "references must hold integer"),
        ({"references": [1, 2]}, TypeError, "sequences of token ids"),
        ({"references": [[2**64]]}, TypeError, "got dtype object"),
        ({"max_order": 0}, ValueError, "max_order=0 must be a whole number >= 1"),
        ({"max_order": 1.0}, TypeError, "max_order=1.0"),
        ({"max_order": True}, TypeError, "max_order=True"),
        ({"smooth_method": "add-one"}, ValueError, "smooth_method='add-one' must be one of none, floor, add-k, exp"),
        ({"smooth_method": "exp", "smooth_value": 1.0}, ValueError, "takes no value"),
        ({"smooth_method": "floor", "smooth_value": -0.1}, ValueError, "must be in 0 .. 1"),
        ({"smooth_method": "floor", "smooth_value": 1.5}, ValueError, "must be in 0 .. 1"),
        ({"smooth_method": "add-k", "smooth_value": float("nan")}, ValueError, "finite and >= 0"),
        ({"smooth_method": "add-k", "smooth_value": float("inf")}, ValueError, "finite and >= 0"),
        ({"smooth_method": "add-k", "smooth_value": "1"}, TypeError, "smooth_value='1' must be a number"),
        ({"groups": np.array([0])}, ValueError, r"groups has shape \(1,\), expected \(2,\): one for each reference"),
        ({"groups": np.array([0.0, 1.0])}, TypeError, "groups must be an array of integers"),
    ],
)
def test_construction_errors(kwargs, error, message):
    with pytest.raises(error, match=message):
        BleuScorer(**{"references": [[0, 1], [2]], **kwargs})


@pytest.mark.parametrize(
    ("tokens", "lengths", "error", "message"),
    [
        ([0, 1], [2], ValueError, r"shapes \(N, T\) and \(N,\), got \(2,\) and \(1,\)"),
        ([[0, 1]], [2, 2], ValueError, r"got \(1, 2\) and \(2,\)"),
        ([[0.0, 1.0]], [2], TypeError, "tokens must be an array of integers, got dtype float64"),
        ([[0, 1]], [2.0], TypeError, "lengths must be an array of integers"),
        ([[0, 1], [0, 1]], [2, 3], ValueError, r"lengths\[1\]=3 must lie in 0 .. 2"),
        ([[0, 1], [0, 1]], [-1, 2], ValueError, r"lengths\[0\]=-1"),
        ([[0, 1], [0, -7]], [2, 2], ValueError, r"tokens\[1, 1\]=-7"),
    ],
)
def test_score_errors(tokens, lengths, error, message):
    with pytest.raises(error, match=message):
        BleuScorer([[0, 1]]).score(np.array(tokens), np.array(lengths))


def test_group_errors():
    tokens, lengths = np.array([[0, 1]]), np.array([2])
    with pytest.raises(ValueError, match="the references have none"):
        BleuScorer([[0, 1]]).score(tokens, lengths, groups=np.array([0]))
    grouped = BleuScorer([[0, 1], [2]], groups=np.array([3, 8]))
    with pytest.raises(ValueError, match="groups=None"):
        grouped.score(tokens, lengths)
    with pytest.raises(ValueError, match=r"groups has shape \(2,\), expected \(1,\): one for each text"):
        grouped.score(tokens, lengths, groups=np.array([3, 3]))
    for absent in (-1, 5, 9):
        with pytest.raises(ValueError, match=rf"groups\[0\]={absent} has no reference"):
            grouped.score(tokens, lengths, groups=np.array([absent]))
