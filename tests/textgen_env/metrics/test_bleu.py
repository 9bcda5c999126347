"""BleuScorer against sacrebleu, compiled and plain."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from support.kernel_switch import PATHS, taking
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
TOKEN = st.sampled_from([0, 1, 2, 3, 1000])
TEXT = st.lists(TOKEN, max_size=12) | st.builds(
    lambda ids, times: ids * times, st.lists(TOKEN, max_size=3), st.integers(1, 30)
)
REFERENCE = st.lists(st.integers(0, 3), max_size=10)


def built_and_scored(build, score):
    """The scores of both tables by both look-ups, and that a look-up gives the same from both."""
    scores = []
    for builder in PATHS:
        with taking(builder):
            scorer = build()
        for path in PATHS:
            with taking(path):
                scores.append(score(scorer))
    np.testing.assert_array_equal(scores[0], scores[2])
    np.testing.assert_array_equal(scores[1], scores[3])
    return scores


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
    texts=st.lists(TEXT, min_size=1, max_size=10),
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
    expected = judged(references, texts, **kwargs)
    ways = built_and_scored(lambda: BleuScorer(references, **kwargs), lambda scorer: scorer.score(*batch(texts, extra)))
    for scores in ways:
        assert scores.dtype == np.float64
        assert scores.shape == (len(texts),)
        assert ((scores >= 0) & (scores <= 1)).all()
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ways[0], ways[1], rtol=0, atol=1e-12)


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
    groups = np.array([name for name, _ in flat])
    ways = built_and_scored(
        lambda: BleuScorer([r for _, r in flat], **kwargs, groups=groups),
        lambda scorer: scorer.score(*batch([text for _, text in texts]), groups=np.array([name for name, _ in texts])),
    )
    expected = [judged(references[name], [text], **kwargs)[0] for name, text in texts]
    for scores in ways:
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


def test_equals_sacrebleu_on_a_large_vocabulary(path):
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


def test_equals_sacrebleu_on_long_texts(path):
    """Longer than most references, with runs and repeats, and far more often than in any reference."""
    rng = np.random.default_rng(2)
    references = [rng.integers(0, 9, length).tolist() for length in (1, 5, 40, 700)] + [[3] * 50]
    texts = [
        rng.integers(0, 9, 600).tolist(),
        [3] * 600,
        [1, 2] * 300,
        [1, 2, 3] * 200,
        rng.integers(0, 30, 599).tolist(),
    ]
    scores = BleuScorer(references).score(*batch(texts))
    np.testing.assert_allclose(scores, judged(references, texts), rtol=0, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    references=st.lists(REFERENCE, min_size=1, max_size=6),
    names=st.lists(st.integers(-2, 2), min_size=6, max_size=6) | st.none(),
    text=TEXT,
    padding=st.sampled_from([-1, 0, 2**62]),
)
def test_references_as_arrays(references, names, text, padding):
    """What follows a reference's length is not read, and both ways in lead to one table."""
    groups = None if names is None else np.array(names[: len(references)])
    tokens, lengths = batch(references, extra=1)
    tokens = np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, padding)
    for path in PATHS:
        with taking(path):
            of_lists = BleuScorer(references, groups=groups)
            of_texts = BleuScorer.of_texts(tokens, lengths.astype(np.int32), groups=groups)
            asked = None if groups is None else groups[:1]
            scores = [scorer.score(*batch([text]), asked) for scorer in (of_lists, of_texts)]
        np.testing.assert_array_equal(scores[0], scores[1])


def test_duplicate_references_take_no_room():
    references = np.random.default_rng(0).integers(0, 50, (200, 10))
    lengths = np.full(200, 10)
    for path in PATHS:
        with taking(path):
            once = BleuScorer.of_texts(references, lengths).references.ngrams.words
            often = BleuScorer.of_texts(np.tile(references, (9, 1)), np.tile(lengths, 9)).references.ngrams.words
        assert len(once) == len(often)
        assert np.count_nonzero(once) == np.count_nonzero(often)


def test_papineni_examples(path):
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
    table = NgramTable.of(np.array([0, 1]), np.array([0]), np.array([2]), np.array([0]), 4)
    matches = table.clipped_matches(np.array([[0, 0, 1]]), np.array([3]), np.array([0]), 4)
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


def test_reference_scores_one_and_order_of_rows_is_irrelevant(path):
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


def test_what_follows_the_length_is_not_read(path):
    scorer = BleuScorer([[1, 2, 3, 4]], effective_order=True)
    before = scorer.score(np.array([[1, 2]]), np.array([2]))
    np.testing.assert_array_equal(scorer.score(np.array([[1, 2, 3, -1]]), np.array([2])), before)


def test_empty_batch(path):
    scorer = BleuScorer([[1]])
    assert scorer.score(np.zeros((0, 5), np.int64), np.zeros(0, np.int64)).shape == (0,)
    assert scorer.score(np.zeros((2, 0), np.int64), np.zeros(2, np.int64)).tolist() == [0, 0]


def test_large_ids_are_exact(path):
    big = 2**60
    references = [[big, big - 1, 2**63 - 1, 3], [5, 3, big]]
    texts = [[big, big - 1, 7], [big, 7, 7], [2**63 - 1, 3, 2**62], [5, 3, big, big - 1], [6], [0]]
    scores = BleuScorer(references, max_order=2).score(*batch(texts))
    np.testing.assert_allclose(scores, judged(references, texts, max_order=2), rtol=0, atol=1e-9)
    assert scores.max() > 0.5
    with pytest.raises(ValueError, match=r"tokens\[0, 0\]=-1 must be a token id >= 0"):
        BleuScorer(references).score(np.array([[-1]]), np.array([1]))


def test_more_ngrams_than_are_numbered_are_refused(path):
    ids = np.random.default_rng(0).integers(0, 2**24, 2**18)
    with pytest.raises(ValueError, match=r"24 of token ids and 19 of occurrences .* more than the 63"):
        BleuScorer.of_texts(ids[None], np.array([len(ids)]))


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: np.repeat(a, 2, -1)[..., ::2], np.int32, "read-only"])
def test_arrays_of_any_layout(layout, path):
    rng = np.random.default_rng(1)
    references, tokens, lengths = rng.integers(0, 9, (50, 12)), rng.integers(0, 9, (40, 12)), rng.integers(0, 13, 40)
    scorer = BleuScorer(references.tolist())
    expected = scorer.score(tokens, lengths)
    if layout == "read-only":
        tokens.flags.writeable = lengths.flags.writeable = False
    else:
        tokens, lengths = layout(tokens), layout(lengths)
    np.testing.assert_array_equal(scorer.score(tokens, lengths), expected)
