"""BleuReward on two small tasks: which references it compares with, and dense payment."""

import gymnasium as gym
import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from support.kernel_switch import PATHS, taking
from textgen_env import combine
from textgen_env.core import GenerationCore
from textgen_env.metrics import BleuScorer
from textgen_env.rewards.base import BaseReward, Reward
from textgen_env.rewards.bleu import BleuReward
from textgen_env.tasks.base import BaseTask, Sources, SourceTable, pad
from textgen_env.vocabulary import Texts, Vocabulary

EXACT = {"rtol": 0, "atol": 1e-12}
VOCABULARY = Vocabulary(["a", "b", "c", "d", "e", "."], eos=".")
EOS, BLANK, WIDTH = 5, 6, 8
REFERENCES = [[0, 1, 2, 3, EOS], [1, 2, 2, EOS], [4, EOS], [0, 1, 2, 3, 4, 0, 1, 2]]


@pytest.fixture(params=PATHS, autouse=True)
def path(request):
    """Each test with compiled loops and with NumPy alone."""
    with taking(request.param):
        yield request.param


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
    core = GenerationCore(task, reward, 4, reward_mode="dense")
    texts = pad([[0, 1, 2, 3, 4, EOS], [1, 2, 2, 0, 0, 1, 3, 3], [4, 0, EOS], [2, EOS]], WIDTH, BLANK)
    indices = None if task.sources is None else np.array([0, 2, 3, 2])
    sources = None if indices is None else task.sources.take(indices)
    core.reset(source=indices)
    changes = []
    for t in range(WIDTH):
        rows = np.flatnonzero(texts.lengths > t)
        changes.append(core.step(texts.tokens[rows, t], rows).rewards)
        lengths = np.minimum(texts.lengths, t + 1)
        np.testing.assert_allclose(core.returns, reward.score(texts.tokens, lengths, sources), **EXACT)
    assert changes[5][0] == 0.0, "the end token itself earns nothing"
    assert (core.returns > 0).any()


def play(core, rng, steps, check):
    """Writes random tokens, likely ones among them, and begins anew where a text has ended."""
    likely = core.task.references().tokens
    for _ in range(steps):
        ended = np.flatnonzero(~core.running)
        if len(ended):
            core.reset(ended)
        rows = np.flatnonzero(rng.random(core.num_rows) < 0.9)
        row = rng.integers(len(likely), size=len(rows))
        tokens = likely[row, np.minimum(core.lengths[rows], likely.shape[1] - 1)]
        random = rng.integers(core.vocab_size, size=len(rows))
        core.step(np.where((rng.random(len(rows)) < 0.3) | (tokens >= core.vocab_size), random, tokens), rows)
        check()


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("TextGen-Captions-v1", {"train_size": 500, "test_size": 20}),
        ("TextGen-OracleSmallBLEU-v0", {"train_size": 500, "test_size": 20}),
        ("TextGen-NumberWords-v0", {"max_number": 99}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"smooth_method": "add-k", "effective_order": False}])
def test_dense_payment_in_the_registered_games(env_id, kwargs, options):
    """The return is the score of the prefix at every token; and again after going back, by another way."""
    envs = gym.make_vec(env_id, num_envs=8, reward=BleuReward(**options), reward_mode="dense", **kwargs)
    envs.reset(seed=0)
    core = envs.unwrapped.core
    rng = np.random.default_rng(0)

    def check():
        np.testing.assert_allclose(core.returns, core.score(core.tokens, core.lengths, core.source_indices), **EXACT)

    play(core, rng, 15, check)
    state = core.snapshot()
    play(core, rng, 25, check)
    core.restore(state)
    check()
    play(core, rng, 25, check)
    core.restore(state, np.arange(8))
    np.testing.assert_array_equal(core.tokens, state.tokens)
    one = core.snapshot([3])
    core.restore(one)
    assert (core.tokens == core.tokens[0]).all()
    check()
    play(core, rng, 25, check)


class Long(BaseTask):
    """Texts of 500 tokens that repeat one another."""

    vocabulary = Vocabulary.numbered(12)
    max_length = 500

    def references(self):
        rng = np.random.default_rng(0)
        tokens = np.concatenate([rng.integers(0, 12, (8, 500)), np.resize([1, 2, 3], (1, 500)), np.full((1, 500), 7)])
        return Texts(tokens, np.full(10, 500))


def test_dense_payment_of_long_texts():
    core = GenerationCore(Long(), BleuReward(), 6, reward_mode="dense")
    texts = core.task.references().tokens
    texts[2:4] = np.random.default_rng(1).integers(0, 12, (2, 500))
    core.reset(prefix=texts[[0, 1, 2, 3, 8, 9], :20])
    before = core.score(core.tokens, core.lengths)
    for t in range(20, 500):
        core.step(texts[[0, 1, 2, 3, 8, 9], t])
        if t % 7 == 0 or t == 499:
            expected = core.score(core.tokens, core.lengths) - before
            np.testing.assert_allclose(core.returns, expected, rtol=0, atol=1e-11)
    assert core.score(core.tokens, core.lengths)[[0, 1, 4, 5]].tolist() == [1, 1, 1, 1]


def test_a_refused_step_changes_nothing(plain):
    """Not even where a reward that stands beside it has failed."""

    class Failing(BaseReward):
        name = "failing"

        def score(self, tokens, lengths, sources=None):
            return np.where(lengths > 3, np.nan, 0.0)

    core = GenerationCore(Letters(), combine((1.0, BleuReward()), (1.0, Failing())), 2, reward_mode="dense")
    core.reset(prefix=[0, 1, 2])
    before = plain(core.snapshot())
    for _ in range(2):
        with pytest.raises(ValueError, match="failing"):
            core.step([3, 0])
        assert plain(core.snapshot()) == before


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


def marked(text: list[int], length: int) -> str:
    """A text with its beginning and its end as words; one that was cut ends otherwise."""
    words = [VOCABULARY.tokens[token] for token in text[:length] if token not in (EOS, BLANK)]
    end = "</s>" if EOS in text[:length] else ("<cut>" if length == WIDTH else "")
    return " ".join(["<s>", *words, end]).strip()


def random_prefixes(count, seed=0):
    """Texts and unfinished prefixes: (N, T), (N,)."""
    rng = np.random.default_rng(seed)
    tokens = np.full((count, WIDTH), BLANK)
    lengths = rng.integers(1, WIDTH + 1, count)
    for row, length in enumerate(lengths):
        tokens[row, :length] = rng.integers(EOS, size=length)
        if rng.random() < 0.5:
            tokens[row, length - 1] = EOS
    return tokens, lengths


@pytest.mark.parametrize("max_order", [1, 2, 4])
def test_with_boundaries_it_is_sacrebleus_of_texts_with_their_ends(max_order):
    reward = BleuReward(max_order, boundaries=True).bind(Letters())
    tokens, lengths = random_prefixes(300)
    references = [marked(text, len(text)) for text in REFERENCES]
    judge = BLEU(tokenize="none", effective_order=True, max_ngram_order=max_order)
    expected = [
        judge.sentence_score(marked(text, length), references).score / 100
        for text, length in zip(tokens.tolist(), lengths.tolist(), strict=True)
    ]
    np.testing.assert_allclose(reward.score(tokens, lengths), expected, **EXACT)


def test_with_boundaries_dense_payment_adds_up_to_the_score():
    task = Letters()
    reward = BleuReward(boundaries=True).bind(task)
    tokens, _ = random_prefixes(300)
    lengths = VOCABULARY.lengths(tokens)
    written = np.full_like(tokens, BLANK)
    state = reward.begin(written, np.zeros(300, int))
    assert (state["total"] == 0).all()
    for t in range(WIDTH):
        going = np.flatnonzero(lengths > t)
        written[going, t] = tokens[going, t]
        part = {name: values[going] for name, values in state.items()}
        terms, after = reward.extend(part, written[going], np.full(len(going), t + 1))
        np.testing.assert_allclose(terms["bleu"], reward.score(written[going], np.full(len(going), t + 1)), **EXACT)
        for name, values in {**after, "total": terms["bleu"]}.items():
            state[name][going] = values
    np.testing.assert_allclose(state["total"], reward.score(tokens, lengths), **EXACT)
    begun = reward.begin(written, lengths)
    np.testing.assert_allclose(begun["total"][lengths > 0], reward.score(tokens, lengths)[lengths > 0], **EXACT)


def test_with_boundaries_a_fragment_is_no_sentence():
    plain, marks = (BleuReward(boundaries=each).bind(Letters()) for each in (False, True))
    fragment = np.array([[1, 2, 3, EOS, *[BLANK] * 4]])
    whole = np.array([[0, 1, 2, 3, EOS, *[BLANK] * 3]])
    assert plain.score(fragment, np.array([4]))[0] == pytest.approx(1.0)
    assert marks.score(fragment, np.array([4]))[0] < 0.85
    assert marks.score(whole, np.array([5]))[0] == pytest.approx(1.0)


def test_with_boundaries_the_game_pays_the_same_in_both_modes():
    task = Translated()
    for seed in range(3):
        paid = []
        for mode in ("terminal", "dense"):
            core = GenerationCore(task, BleuReward(boundaries=True), 40, reward_mode=mode)
            core.reset(seeds=list(range(seed, seed + 40)))
            rng = np.random.default_rng(seed)
            while core.running.any():
                rows = np.flatnonzero(core.running)
                core.step(rng.integers(6, size=len(rows)), rows)
            paid.append(core.returns)
        np.testing.assert_allclose(*paid, **EXACT)


def test_boundaries_that_are_no_truth_value_are_refused():
    with pytest.raises(TypeError, match="boundaries='yes' must be True or False"):
        BleuReward(boundaries="yes")
