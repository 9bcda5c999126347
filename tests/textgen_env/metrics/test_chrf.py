"""chrF against sacrebleu."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from textgen_env.metrics import chrf
from textgen_env.metrics.chrf import ChrfScorer

# Words with punctuation on either side, blanks of several kinds, letters of several cases and planes.
PIECES = ["a", "b", "ab", "A", "É", "é", "ß", "İ", " ", "  ", "\t", "\n", "\u3000"]
PIECES += [".", "(", ")", "'s", "中", "文", "🙂", "ab ", " ba"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
FORMS = st.fixed_dictionaries(
    {
        "char_order": st.integers(1, 7),
        "word_order": st.integers(0, 3),
        "beta": st.sampled_from([1, 2, 3]),
        "lowercase": st.booleans(),
        "whitespace": st.booleans(),
    }
)


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), references=st.lists(TEXTS, min_size=1, max_size=5), form=FORMS)
def test_it_is_sacrebleus(texts: list[str], references: list[str], form: dict[str, Any]) -> None:
    judge = CHRF(**form)
    scores = ChrfScorer(references, **form).score(texts)
    expected = [judge.sentence_score(text, references).score / 100 for text in texts]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), word_order=st.sampled_from([0, 2]))
def test_each_text_is_compared_with_its_own_group(seed: int, word_order: int) -> None:
    rng = np.random.default_rng(seed)
    references = ["".join(rng.choice(PIECES, 6)) for _ in range(9)]
    groups = np.array([0, 0, 0, 2, 5, 5, 2, 5, 7])[rng.permutation(9)]
    texts = ["".join(rng.choice(PIECES, rng.integers(8))) for _ in range(12)]
    asked = rng.choice([0, 2, 5, 7], 12)
    scores = ChrfScorer(references, groups, word_order=word_order).score(texts, asked)
    judge = CHRF(word_order=word_order)
    for score, text, group in zip(scores, texts, asked, strict=True):
        own = [each for each, of in zip(references, groups, strict=True) if of == group]
        assert score == pytest.approx(judge.sentence_score(text, own).score / 100, abs=1e-12)


def test_texts_score_the_same_however_they_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    references = ["".join(rng.choice(PIECES, 9)) for _ in range(20)]
    texts = ["".join(rng.choice(PIECES, 9)) for _ in range(30)]
    scorer = ChrfScorer(references, word_order=2)
    whole = scorer.score(texts)
    monkeypatch.setattr(chrf, "MOST_CELLS", 70)
    np.testing.assert_array_equal(scorer.score(texts), whole)
    monkeypatch.setattr(chrf, "MOST_CELLS", 1)
    np.testing.assert_array_equal(scorer.score(texts), whole)
    assert scorer.score([]).shape == (0,)


def test_a_reference_scores_one_and_what_shares_nothing_zero() -> None:
    scorer = ChrfScorer(["a man walks .", "", "two dogs"], word_order=2)
    assert scorer.score(["a man walks .", "", "xyz"]).tolist() == [1.0, 0.0, 0.0]


def test_refuses() -> None:
    for wrong, error, match in (
        ({"char_order": 0}, ValueError, "char_order=0 must be a whole number >= 1"),
        ({"char_order": 1.5}, TypeError, r"char_order=1\.5 must be a whole number"),
        ({"word_order": -1}, ValueError, "word_order=-1 must be a whole number >= 0"),
        ({"word_order": 101}, ValueError, "word_order=101 must be a whole number from 0 to 100"),
        ({"beta": 0}, ValueError, "beta=0 must be above 0"),
        ({"beta": "2"}, TypeError, "beta='2' must be a number"),
        ({"lowercase": 1}, TypeError, "lowercase=1 must be True or False"),
        ({"whitespace": None}, TypeError, "whitespace=None must be True or False"),
    ):
        with pytest.raises(error, match=match):
            ChrfScorer(["a"], **wrong)
    with pytest.raises(ValueError, match="references: got none"):
        ChrfScorer([])
    scorer = ChrfScorer(["a", "b"], np.array([0, 2]))
    for group in (1, 3, -1):
        with pytest.raises(ValueError, match=f"groups holds {group}, a group without references"):
            scorer.score(["a", "a"], np.array([0, group]))
