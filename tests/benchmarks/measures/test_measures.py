"""Measures against exact enumeration of a small oracle, and what does not apply."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from agents.baselines.uniform import Uniform
from agents.data.episodes import evaluate
from benchmarks.evaluation.evaluator import texts_to_test_on
from benchmarks.evaluation.references import references
from benchmarks.measures.measured import Measured, NoLikelihood, NotApplicable
from benchmarks.measures.measures import (
    MEASURES,
    QUANTITIES,
    RETURN,
    VALIDATIONS,
    digits,
    sequence_nll_oracle,
    title,
    unit,
    validated,
)
from benchmarks.specs.experiment import Evaluation
from support.games import share_copied, share_of_a
from support.text_sums import paths, probability_of_each_text, return_of_each_text
from textgen_env import TextGenVectorEnv, Texts
from textgen_env.metrics import BleuScorer, distinct_n, self_bleu
from textgen_env.solve import TextMDP
from textgen_env.tasks.oracle import OracleTask
from textgen_env.tasks.tiny import TinyTask

V, T = 3, 4
UNIGRAM = np.array([0.5, 0.3, 0.2])


class Unigram:
    """Writes tokens drawn independently, with these probabilities."""

    predict: Any = None

    def __init__(self, probabilities: np.ndarray = UNIGRAM) -> None:
        self.probabilities = probabilities

    def train(self, total_tokens: int, watch: Any) -> None: ...

    def drawing(self, seed: int) -> Any: ...

    def log_prob(self, texts: Texts, task: Any) -> np.ndarray:
        with np.errstate(divide="ignore"):
            # A blank, whose id is V, is certain.
            return np.append(np.log(self.probabilities), 0.0)[texts.tokens].sum(1)

    def policy(self, mdp: TextMDP) -> np.ndarray:
        chances = np.where(mdp.allowed, self.probabilities, 0)
        return chances / chances.sum(1, keepdims=True)


class Shy(Unigram):
    """Does not tell its probabilities."""

    def log_prob(self, texts: Texts, task: Any) -> np.ndarray:
        raise NoLikelihood("it is shy")

    def policy(self, mdp: TextMDP) -> np.ndarray:
        raise NoLikelihood("it is shy")


@pytest.fixture(scope="module")
def task() -> OracleTask:
    return OracleTask(vocab_size=V, max_length=T, train_size=10, test_size=8_000)


def measured(task: Any, adapter: Any, count: int = 8_000) -> Measured:
    tokens = np.random.default_rng(0).choice(V, (count, T), p=UNIGRAM)
    return Measured(adapter, Texts(tokens, np.full(count, T)), task, texts_to_test_on(task, 8_000))


def test_likelihoods_are_those_of_the_enumeration(task: OracleTask) -> None:
    every = np.array(list(product(range(V), repeat=T)))
    lengths = np.full(len(every), T)
    log_oracle = task.log_prob(every, lengths)
    log_policy = np.log(UNIGRAM)[every].sum(1)
    oracle, policy = np.exp(log_oracle), np.exp(log_policy)
    exact = {
        "nll_oracle": -(policy * log_oracle).sum() / T,
        "nll_test": -(oracle * log_policy).sum() / T,
        "kl_forward": (oracle * (log_oracle - log_policy)).sum() / T,
        "kl_reverse": (policy * (log_policy - log_oracle)).sum() / T,
        "entropy": -(UNIGRAM * np.log(UNIGRAM)).sum(),
    }
    subject = measured(task, Unigram())
    for name, value in exact.items():
        found = MEASURES[name](subject)
        assert abs(found.value - value) < 4 * found.error, name
        assert 0 < found.error < 0.05
    assert exact["kl_forward"] > 0.05 < exact["kl_reverse"]


def test_the_oracle_itself_is_no_distance_away(task: OracleTask) -> None:
    class Oracle(Unigram):
        def log_prob(self, texts: Texts, task: Any) -> np.ndarray:
            return task.log_prob(texts.tokens, texts.lengths)

    subject = Measured(Oracle(), task.test_sequences(), task, task.test_sequences())
    for name in ("kl_forward", "kl_reverse"):
        assert MEASURES[name](subject)[:2] == (0.0, 0.0)
    for name in ("nll_oracle", "nll_test", "entropy"):
        found = MEASURES[name](subject)
        assert found.value == pytest.approx(task.entropy, abs=4 * found.error)


def test_bleu_self_bleu_and_distinct_are_those_of_the_metrics(task: OracleTask) -> None:
    subject = measured(task, Unigram(), count=200)
    tokens, lengths = subject.texts.tokens, subject.texts.lengths
    data = task.test_sequences()
    scorer = BleuScorer([list(text) for text in data.tokens], max_order=3, smooth_method="floor")
    scores = scorer.score(tokens, lengths)
    found = MEASURES["bleu_3"](subject)
    assert found.value == pytest.approx(scores.mean())
    assert found.error == pytest.approx(scores.std(ddof=1) / np.sqrt(200))
    alike = MEASURES["self_bleu_2"](subject)
    assert alike.value == pytest.approx(self_bleu(tokens, lengths, 2, "floor").mean())
    assert np.isnan(alike.error)
    assert MEASURES["distinct_3"](subject).value == distinct_n(tokens, lengths, 3)


def test_sequences_are_kept_to_four_decimals(task: OracleTask) -> None:
    subject = measured(task, Unigram(), count=50)
    kept = sequence_nll_oracle(subject)
    exact = -task.log_prob(subject.texts.tokens, subject.texts.lengths) / T
    assert kept == pytest.approx(exact, abs=5.1e-5)
    assert all(round(value, 4) == value for value in kept)


def test_each_likelihood_is_taken_once(task: OracleTask) -> None:
    asked = []

    class Asked(Unigram):
        def log_prob(self, texts: Texts, task: Any) -> np.ndarray:
            asked.append(len(texts.tokens))
            return super().log_prob(texts, task)

    subject = measured(task, Asked(), count=50)
    for measure in MEASURES.values():
        try:
            measure(subject)
        except NotApplicable:
            continue
    assert sorted(asked) == [50, 8_000]


def test_what_the_policy_never_writes_has_a_reason_in_place_of_infinity(task: OracleTask) -> None:
    subject = measured(task, Unigram(np.array([0.5, 0.5, 0.0])))
    never = (task.test_sequences().tokens == 2).any(1).sum()
    for name in ("nll_test", "kl_forward"):
        with pytest.raises(NotApplicable, match=f"infinite, {never} of 8000 texts"):
            MEASURES[name](subject)


def test_a_likelihood_that_is_nan_has_diverged(task: OracleTask) -> None:
    with pytest.raises(FloatingPointError, match="diverged"):
        MEASURES["nll_test"](measured(task, Unigram(np.array([0.5, 0.5, np.nan]))))


def test_what_does_not_apply_says_why(task: OracleTask) -> None:
    shy = measured(task, Shy())
    for name in ("nll_test", "kl_forward", "kl_reverse", "entropy"):
        with pytest.raises(NotApplicable, match="it is shy"):
            MEASURES[name](shy)
    for name in ("bleu_5", "self_bleu_5"):
        with pytest.raises(NotApplicable, match="no text is longer than 4 tokens"):
            MEASURES[name](shy)
    with pytest.raises(NotApplicable, match="at least two texts"):
        MEASURES["self_bleu_2"](measured(task, Shy(), count=1))
    tiny = measured(TinyTask(), Shy())
    for name in ("nll_oracle", "kl_forward", "kl_reverse"):
        with pytest.raises(NotApplicable, match="no oracle"):
            MEASURES[name](tiny)
    assert sequence_nll_oracle(tiny) == ()


def test_every_measure_has_a_title_and_a_unit() -> None:
    assert set(QUANTITIES) == {RETURN} | set(MEASURES) | {validated(name) for name in VALIDATIONS}
    assert all(name == each.name and each.title for name, each in QUANTITIES.items())
    assert all(each.unit for each in MEASURES.values())
    assert len({each.title for each in QUANTITIES.values()}) == len(QUANTITIES)
    assert (title("new"), unit("new"), unit("return", "nats")) == ("new", "", "nats")
    assert (title("nll_oracle"), digits("return"), digits("kl_soft"), digits("new")) == ("NLL_oracle", 2, 4, 3)


def test_an_evaluation_takes_measures_that_there_are() -> None:
    with pytest.raises(ValueError, match="'nope' is no measure; there are nll_oracle, nll_test"):
        Evaluation(measures=("entropy", "nope"))


def test_what_validates_is_a_measure_that_asks_no_oracle() -> None:
    assert list(VALIDATIONS) == ["nll", "bleu_2", "bleu_3", "bleu_4", "bleu_5"]
    assert [each.at_validation.title for each in VALIDATIONS.values()][:2] == ["NLL_validation", "validation BLEU-2"]
    assert {each.at_validation.better for each in VALIDATIONS.values()} == {"lower", "higher"}
    assert all(each.at_validation.unit == each.unit for each in VALIDATIONS.values())


@pytest.fixture(params=["tiny", "min_length", "masked", "conditional"])
def envs(request: pytest.FixtureRequest, no_repeat_task: Any, echo_task: Any) -> TextGenVectorEnv:
    """A small game of every kind."""
    games: dict[str, dict[str, Any]] = {
        "tiny": {"task": "tiny", "reward": "table", "vocab_size": 4, "max_length": 3},
        "min_length": {"task": "tiny", "reward": "table", "max_length": 3, "min_length": 2},
        "masked": {"task": no_repeat_task, "reward": share_of_a},
        "conditional": {"task": echo_task, "reward": share_copied},
    }
    return TextGenVectorEnv(num_envs=2, **games[request.param])


def played(envs: TextGenVectorEnv, adapter: Any, count: int = 500) -> Measured:
    """What is measured of texts that uniformly random allowed tokens wrote."""
    agent = Uniform(envs)
    texts = evaluate(agent.predict, envs, count, seed=3, masked=True).texts
    return Measured(adapter, texts, envs.unwrapped.task, None, envs)


UNEQUAL = np.array([0.1, 0.3, 0.4, 0.2])


def test_shares_of_the_optimum_are_sums_over_all_texts(envs: TextGenVectorEnv) -> None:
    mdp = TextMDP.of(envs)
    table = np.where(mdp.allowed, UNEQUAL, 0) / np.where(mdp.allowed, UNEQUAL, 0).sum(1, keepdims=True)
    chances, returns = probability_of_each_text(mdp, table), return_of_each_text(mdp)
    roots = paths(mdp)[0][:, 0]
    best = sum(mdp.start[root] * returns[roots == root].max() for root in np.unique(roots))
    share = MEASURES["optimum_share"](played(envs, Unigram(UNEQUAL)))
    assert share.value == pytest.approx((chances * returns).sum() / best, rel=1e-9)
    assert share.error == 0
    assert references(envs, None)["optimum"].value == pytest.approx(best)
    normaliser = np.array([np.exp(returns[roots == root]).sum() for root in range(roots.max() + 1)])
    soft = np.exp(returns) / normaliser[roots] * mdp.start[roots]
    kl = (chances * (np.log(chances) - np.log(soft))).sum()
    assert MEASURES["kl_soft"](played(envs, Unigram(UNEQUAL))).value == pytest.approx(kl, rel=1e-6)


def test_a_policy_that_does_not_tell_has_the_share_of_its_texts(envs: TextGenVectorEnv) -> None:
    subject = played(envs, Shy())
    share = MEASURES["optimum_share"](subject)
    returns = envs.unwrapped.score(*subject.texts)
    best = references(envs, None)["optimum"].value
    assert share.value == pytest.approx(returns.mean() / best)
    assert share.error == pytest.approx(returns.std(ddof=1) / np.sqrt(500) / best)
    with pytest.raises(NotApplicable, match="it is shy"):
        MEASURES["kl_soft"](subject)


def test_of_an_optimum_below_zero_there_are_no_shares() -> None:
    envs = TextGenVectorEnv(num_envs=2, task="tiny", reward=lambda tokens, lengths, sources: -np.ones(len(tokens)))
    with pytest.raises(NotApplicable, match="the optimum is -1, of which there are no shares"):
        MEASURES["optimum_share"](played(envs, Unigram(UNEQUAL)))


def test_the_soft_optimum_is_at_no_distance_from_itself() -> None:
    logs = np.log(UNEQUAL)

    def score(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        return np.append(logs, 0.0)[tokens].sum(1)

    envs = TextGenVectorEnv(num_envs=2, task="tiny", reward=score, max_length=3)
    assert MEASURES["kl_soft"](played(envs, Unigram(UNEQUAL))).value == pytest.approx(0, abs=1e-12)
    sure = Unigram(np.array([1.0, 0.0, 0.0, 0.0]))
    assert MEASURES["kl_soft"](played(envs, sure)).value == pytest.approx(-logs[0])


def test_what_cannot_be_enumerated_has_no_exact_measure(task: OracleTask) -> None:
    envs = TextGenVectorEnv(num_envs=2, task="tiny", reward="table", vocab_size=6, max_length=8)
    assert "optimum" not in references(envs, None)
    for name in ("optimum_share", "kl_soft"):
        with pytest.raises(NotApplicable, match="more than most_states"):
            MEASURES[name](played(envs, Unigram(), 10))
        with pytest.raises(NotApplicable, match="the game is not known"):
            MEASURES[name](measured(task, Unigram()))
