"""BleuReward on two small tasks: which references it compares with, and dense payment."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from textgen_env.metrics import BleuScorer
from textgen_env.rewards.base import Reward
from textgen_env.rewards.bleu import BleuReward
from textgen_env.tasks.base import BaseTask, Sources, SourceTable, pad
from textgen_env.vocabulary import Texts, Vocabulary

VOCABULARY = Vocabulary(["a", "b", "c", "d", "e", "."], eos=".")
EOS, BLANK, WIDTH = 5, 6, 8
REFERENCES = [[0, 1, 2, 3, EOS], [1, 2, 2, EOS], [4, EOS], [0, 1, 2, 3, 4, 0, 1, 2]]


class Letters(BaseTask):
    vocabulary = VOCABULARY
    max_length = WIDTH

    def __init__(self):
        self.asked = 0

    def references(self):
        self.asked += 1
        return pad(REFERENCES, WIDTH, BLANK)


class Translated(Letters):
    """Source 0 has two references, source 1 none and is not played, 2 and 3 have one each."""

    def __init__(self, pool=(0, 2, 3), rows=(3, 0, 2, 0)):
        super().__init__()
        self.sources = SourceTable(VOCABULARY, np.arange(4)[:, None], np.array(pool))
        self.rows = None if rows is None else np.array(rows)

    def references(self):
        return Texts(*super().references()[:2], self.rows)


def content(text):
    return [token for token in text if token != EOS]


def judged(references, text, **kwargs):
    """sacrebleu's sentence BLEU on words, in [0, 1]."""
    judge = BLEU(tokenize="none", **{"effective_order": True, **kwargs})
    decoded = [" ".join(map(str, content(t))) for t in [text, *references]]
    return judge.sentence_score(decoded[0], decoded[1:]).score / 100


TEXTS = [[0, 1, 2, EOS], [4, EOS], [EOS], [3, 3, 3, 3, 3, 3, 3, 3], [1, 2, 2, 3, 4, EOS], [0, 1], [1]]


def test_scores_against_all_references_without_the_end_token():
    reward = BleuReward().bind(Letters())
    assert isinstance(reward, Reward)
    texts = pad(TEXTS, WIDTH, BLANK)
    scores = reward.score(texts.tokens, texts.lengths)
    np.testing.assert_allclose(scores, [judged(REFERENCES, text) for text in TEXTS], rtol=0, atol=1e-9)
    assert scores[1] == 1.0
    assert scores[2] == 0.0
    terms = reward.terms(texts.tokens, texts.lengths)
    assert list(terms) == ["bleu"]
    np.testing.assert_array_equal(reward.total(terms), scores)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"max_order": 2},
        {"smooth_method": "floor", "smooth_value": 0.3},
        {"smooth_method": "add-k"},
        {"effective_order": False, "smooth_method": "none"},
    ],
)
def test_arguments_reach_the_scorer(kwargs):
    texts = pad(TEXTS, WIDTH, BLANK)
    scores = BleuReward(**kwargs).bind(Letters()).score(texts.tokens, texts.lengths)
    judge_kwargs = {("max_ngram_order" if key == "max_order" else key): value for key, value in kwargs.items()}
    expected = [judged(REFERENCES, text, **judge_kwargs) for text in TEXTS]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)


def test_conditional_texts_are_compared_with_their_own_source():
    task = Translated()
    reward = BleuReward().bind(task)
    rows = np.array([0, 2, 3, 0, 0, 2, 3])
    texts = pad(TEXTS, WIDTH, BLANK)
    scores = reward.score(texts.tokens, texts.lengths, task.sources.take(rows))
    own = {row: [r for r, source in zip(REFERENCES, task.rows, strict=True) if source == row] for row in (0, 2, 3)}
    expected = [judged(own[row], text) for row, text in zip(rows, TEXTS, strict=True)]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("task", [Letters(), Translated()], ids=["unconditional", "conditional"])
def test_dense_payment_sums_to_the_score(task):
    reward = BleuReward().bind(task)
    texts = pad([[0, 1, 2, 3, 4, EOS], [1, 2, 2, 0, 0, 1], [4, 0, EOS], [2, EOS]], WIDTH, BLANK)
    sources = None if task.sources is None else task.sources.take(np.array([0, 2, 3, 2]))
    lengths = np.zeros(4, np.int64)
    state = reward.begin(np.full((4, WIDTH), BLANK), lengths, sources)
    total = state["total"]
    assert total.tolist() == [0, 0, 0, 0]
    paid = np.zeros(4)
    changes = []
    while (lengths < texts.lengths).any():
        rows = np.flatnonzero(lengths < texts.lengths)
        lengths[rows] += 1
        prefixes = np.where(np.arange(WIDTH) < lengths[rows, None], texts.tokens[rows], BLANK)
        own = None if sources is None else Sources(sources.indices[rows], sources.tokens[rows])
        terms, _ = reward.extend({"total": total[rows]}, prefixes, lengths[rows], own)
        change = reward.total(terms) - total[rows]
        total[rows] += change
        paid[rows] += change
        changes.append(change)
    np.testing.assert_allclose(paid, reward.score(texts.tokens, texts.lengths, sources), rtol=0, atol=1e-12)
    assert changes[-1][0] == 0.0, "the end token itself earns nothing"
    assert (paid > 0).any()


def test_begins_from_a_prefix():
    reward = BleuReward().bind(Letters())
    prefixes = pad([[0, 1], [], [1]], WIDTH, BLANK)
    total = reward.begin(prefixes.tokens, prefixes.lengths)["total"]
    np.testing.assert_array_equal(total, reward.score(prefixes.tokens, prefixes.lengths))
    assert total[0] > 0 == total[1]


def test_bind_leaves_the_original_alone_and_builds_once_a_task():
    task, reward = Letters(), BleuReward(max_order=3)
    bound = reward.bind(task)
    assert bound is not reward
    assert bound.bind(task) is bound
    assert task.asked == 1
    other = bound.bind(Letters())
    assert other is not bound
    assert other.max_order == 3
    with pytest.raises(RuntimeError, match="not bound"):
        reward.score(np.array([[0]]), np.array([1]))


def test_defaults():
    reward = BleuReward()
    assert reward.name == "bleu"
    assert reward.default_mode == "terminal"
    scorer = BleuScorer([content(r) for r in REFERENCES], effective_order=True)
    texts = pad([content(t) for t in TEXTS], WIDTH, BLANK)
    whole = pad(TEXTS, WIDTH, BLANK)
    np.testing.assert_array_equal(
        reward.bind(Letters()).score(whole.tokens, whole.lengths), scorer.score(texts.tokens, texts.lengths)
    )


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"max_order": 0}, ValueError, "max_order=0"),
        ({"smooth_method": "linear"}, ValueError, "smooth_method='linear'"),
        ({"smooth_value": 0.1}, ValueError, "takes no value"),
    ],
)
def test_bad_arguments_are_refused_at_construction(kwargs, error, message):
    with pytest.raises(error, match=message):
        BleuReward(**kwargs)


def test_task_errors():
    class NoData(BaseTask):
        vocabulary = VOCABULARY
        max_length = WIDTH

    with pytest.raises(ValueError, match="NoData has no training data"):
        BleuReward().bind(NoData())
    with pytest.raises(ValueError, match="must name the source row"):
        BleuReward().bind(Translated(rows=None))
    with pytest.raises(ValueError, match=r"none for 1 of the rows in sources\.pool, the first of them 1"):
        BleuReward().bind(Translated(pool=(0, 1, 2, 3)))
    reward, texts = BleuReward().bind(Translated()), pad([[0]], WIDTH, BLANK)
    with pytest.raises(ValueError, match="sources=None"):
        reward.score(texts.tokens, texts.lengths)
    with pytest.raises(ValueError, match=r"groups\[0\]=1 has no reference"):
        reward.score(texts.tokens, texts.lengths, Sources(np.array([1]), np.array([[1]])))
