"""Measures of a corpus against sacrebleu and jiwer, and the jackknife against a mean's standard error."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from benchmarks.measures.corpora import _jackknifed
from benchmarks.measures.measured import Measured, NotApplicable
from benchmarks.measures.measures import MEASURES
from support.answers import LETTERS, WORDS, Answers, random_texts
from textgen_env import Texts
from textgen_env.tasks.tiny import TinyTask

VOCABULARIES = {"words": WORDS, "letters": LETTERS}


class Writes:
    """A policy that decodes to the same texts always."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def decoded(self, *asked: Any) -> Texts:
        return self.texts


def measured(task: Answers, texts: Texts) -> Measured:
    adapter: Any = Writes(texts)
    return Measured(adapter, texts, task, texts, object())


def drawn(vocabulary: str, seed: int, count: int = 12) -> tuple[Answers, Texts]:
    rng = np.random.default_rng(seed)
    task = Answers(VOCABULARIES[vocabulary], seed)
    tokens, lengths, _ = random_texts(rng, task, count)
    return task, Texts(tokens, lengths, rng.choice(task.sources.pool, size=count))


def content(text: np.ndarray, task: Answers) -> list[int]:
    return [token for token in text.tolist() if 0 < token < task.vocabulary.blank_id]


def streams(task: Answers, texts: Texts, said: Any) -> list[list[str | None]]:
    """References as sacrebleu takes them, `said` making a string of each."""
    own = [[said(each) for each in task.of_source(row)] for row in texts.sources]
    return [[each[k] if k < len(each) else None for each in own] for k in range(max(map(len, own)))]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32), vocabulary=st.sampled_from(sorted(VOCABULARIES)))
def test_scores_are_sacrebleus(seed: int, vocabulary: str) -> None:
    task, texts = drawn(vocabulary, seed)
    subject = measured(task, texts)

    def ids(text: list[int]) -> str:
        return " ".join(f"w{each}" for each in text)

    contents = [content(text, task) for text in texts.tokens]
    decoded = [task.vocabulary.decode(text) for text in contents]
    strings = streams(task, texts, task.vocabulary.decode)
    expected = {
        "bleu": BLEU(tokenize="none").corpus_score([ids(each) for each in contents], streams(task, texts, ids)),
        "chrf": CHRF().corpus_score(decoded, strings),
    }
    for name, score in expected.items():
        assert MEASURES[f"greedy_corpus_{name}"](subject).value == pytest.approx(score.score / 100, abs=1e-12)
    if any(any(each) for each in strings):
        rate = TER().corpus_score(decoded, strings).score / 100
        assert MEASURES["beam_corpus_ter"](subject).value == pytest.approx(rate, abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_rates_are_jiwers(seed: int) -> None:
    task, texts = drawn("words", seed)
    # One reference a source, and no empty one, which jiwer does not take.
    task._references = Texts(np.array([[1, 2, 0], [3, 0, 6], [4, 1, 0], [2, 3, 5]]), np.array([3, 2, 3, 3]), task.sources.pool)  # fmt: skip  # noqa: E501
    subject = measured(task, texts)
    said = [task.vocabulary.decode(content(text, task)) for text in texts.tokens]
    meant = [task.vocabulary.decode(task.of_source(row)[0]) for row in texts.sources]
    words, characters = MEASURES["sample_corpus_wer"](subject), MEASURES["sample_corpus_cer"](subject)
    assert words.value == pytest.approx(jiwer.wer(meant, said), abs=1e-12)
    assert characters.value == pytest.approx(jiwer.cer(meant, said), abs=1e-12)
    assert words.count == 12
    assert words.error > 0


def test_of_several_references_the_nearest_counts_with_its_length() -> None:
    task = Answers()
    references = np.array([[1, 2, 3, 4, 0], [1, 0, 6, 6, 6], *[[5, 0, 6, 6, 6]] * 3])
    rows = np.array([0, 0, *task.sources.pool[1:]])
    task._references = Texts(references, np.array([5, 2, 2, 2, 2]), rows)
    written = Texts(np.array([[1, 2, 3, 0], [1, 2, 0, 6], [5, 0, 6, 6]]), np.array([4, 3, 2]), np.array([0, 0, 2]))
    # One edit of four words; of the second text the rates are 2/4 and 1/1.
    assert MEASURES["greedy_corpus_wer"](measured(task, written)).value == pytest.approx((1 + 2 + 0) / (4 + 4 + 1))


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    class Mean:
        def corpus_score(self, written: list[str], references: Any) -> Any:
            return SimpleNamespace(score=100 * np.mean([float(each) for each in written]))

    values = np.random.default_rng(0).normal(size=15)
    found = _jackknifed(Mean(), [str(each) for each in values], [[""] * 15])
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(15))
    assert np.isnan(_jackknifed(Mean(), ["1.0"], [[""]]).error)
    # Many runs of grouped texts: on average the same.
    errors = [
        _jackknifed(Mean(), [str(each) for each in np.random.default_rng(seed).normal(size=200)], [[""] * 200]).error
        for seed in range(60)
    ]
    assert np.mean(np.square(errors)) * 200 == pytest.approx(1, abs=0.2)


def test_what_does_not_apply_says_why() -> None:
    tiny: Any = TinyTask(train_size=5)
    for name in ("bleu", "chrf", "ter", "wer", "cer"):
        with pytest.raises(NotApplicable, match="texts without a source have no references"):
            MEASURES[f"greedy_corpus_{name}"](measured(tiny, tiny.training_sequences()))
    task, texts = drawn("words", 1)
    unknown = measured(task, texts._replace(sources=np.ones(12, np.int64)))
    with pytest.raises(NotApplicable, match="a source without references was played"):
        MEASURES["greedy_corpus_chrf"](unknown)
    task._references = Texts(np.array([[0]] * 4), np.array([1] * 4), task.sources.pool)
    for name in ("ter", "wer", "cer"):
        with pytest.raises(NotApplicable, match="all references are empty"):
            MEASURES[f"greedy_corpus_{name}"](measured(task, texts))
