"""Decoded texts are those that the enumeration of all texts says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from agents.baselines.unigram import Unigram
from agents.decoding.decode import decode
from agents.exact import policy_table
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.value.q_learning import QLearning
from support.games import share_copied, share_of_a
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts, greedy_texts, text_probabilities

SMALL: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4, "layers": 1, "heads": 2}
TINY: dict[str, Any] = {"task": "tiny", "reward": "table", "vocab_size": 3, "max_length": 4}


@pytest.fixture(params=["tiny", "min_length", "masked", "conditional"])
def envs(request: pytest.FixtureRequest, no_repeat_task: Any, echo_task: Any) -> TextGenVectorEnv:
    games: dict[str, dict[str, Any]] = {
        "tiny": TINY,
        "min_length": TINY | {"min_length": 2},
        "masked": {"task": no_repeat_task, "reward": share_of_a},
        "conditional": {"task": echo_task, "reward": share_copied},
    }
    return TextGenVectorEnv(num_envs=2, **games[request.param])


def agent_of(envs: TextGenVectorEnv, cell: Any = "gru", attention: Any = "none") -> Reinforce:
    """One whose texts are far from equally likely."""
    agent = Reinforce(envs, ReinforceConfig(**SMALL, cell=cell, attention=attention), seed=0)
    with torch.no_grad():
        weight = agent.network.decoder.output.weight
        weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return agent


def rows_of(mdp: TextMDP) -> Any:
    return None if mdp.sources is None else mdp.sources.indices[mdp.levels[0]]


@pytest.mark.parametrize("alpha", [0.0, 0.8])
@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
def test_a_beam_as_wide_as_the_language_finds_the_k_best(envs: TextGenVectorEnv, cell: Any, alpha: float) -> None:
    check_k_best(envs, agent_of(envs, cell), alpha)


@pytest.mark.parametrize("attention", ["dot", "additive"])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_beam_carries_what_attention_has_read(echo_task: Any, cell: Any, attention: Any) -> None:
    envs = TextGenVectorEnv(num_envs=2, task=echo_task, reward=share_copied)
    check_k_best(envs, agent_of(envs, cell, attention), 0.3)


def test_more_texts_than_one_batch_holds(echo_task: Any) -> None:
    envs = TextGenVectorEnv(num_envs=2, task=echo_task, reward=share_copied)
    agent, rows = agent_of(envs, attention="dot"), np.resize(envs.task.sources.pool, 1_200)
    for method in ("greedy", "beam"):
        some, all_of_them = (decode(agent, envs, len(each), method, sources=each, width=3) for each in (rows[:9], rows))
        np.testing.assert_array_equal(all_of_them.texts.tokens[:9], some.texts.tokens)
        texts = all_of_them.texts
        expected = agent.log_prob(texts.tokens, texts.lengths, envs.task.sources.tokens[texts.sources])
        np.testing.assert_allclose(all_of_them.log_probs, expected, rtol=1e-4)


def check_k_best(envs: TextGenVectorEnv, agent: Reinforce, alpha: float) -> None:
    """A beam as wide as the language finds the five best texts of each source, and their scores."""
    mdp = TextMDP.of(envs)
    texts, rows = all_texts(mdp), rows_of(mdp)
    chances = text_probabilities(mdp, policy_table(agent, mdp))
    n = 1 if rows is None else len(rows)
    found = decode(agent, envs, n, "beam", sources=rows, width=len(chances), k_best=5, length_penalty=alpha)
    for search in range(n):
        own = np.arange(len(chances)) if rows is None else np.flatnonzero(texts.sources == rows[search])
        logs = np.log(chances[own] / chances[own].sum())
        scores = logs / ((5 + texts.lengths[own]) / 6) ** alpha
        best = np.argsort(-scores)[:5]
        here = found.searches == search
        np.testing.assert_array_equal(found.texts.tokens[here], texts.tokens[own][best])
        np.testing.assert_allclose(found.scores[here], scores[best], rtol=1e-4)
        np.testing.assert_allclose(found.log_probs[here], logs[best], rtol=1e-4)


def test_greedy_is_a_beam_of_width_1(envs: TextGenVectorEnv) -> None:
    mdp, agent = TextMDP.of(envs), agent_of(envs)
    rows = rows_of(mdp)
    n = 1 if rows is None else len(rows)
    greedy, beam = (decode(agent, envs, n, method, sources=rows, width=1) for method in ("greedy", "beam"))
    expected = greedy_texts(mdp, policy_table(agent, mdp))
    np.testing.assert_array_equal(greedy.texts.tokens, expected.tokens)
    np.testing.assert_array_equal(beam.texts.tokens, expected.tokens)
    np.testing.assert_allclose(beam.log_probs, greedy.log_probs)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.6}, {"top_k": 2}, {"top_p": 0.7}, {"temperature": 2.0, "top_k": 2, "top_p": 0.8}]
)
def test_samples_follow_the_exact_distribution(envs: TextGenVectorEnv, settings: dict[str, Any]) -> None:
    mdp, agent = TextMDP.of(envs), agent_of(envs)
    table = np.array([cut(row, **settings) for row in policy_table(agent, mdp)])
    texts, chances, n = all_texts(mdp), text_probabilities(mdp, table), 4000
    rows = rows_of(mdp)
    drawn_of = None if rows is None else np.random.default_rng(0).choice(rows, n)
    found = decode(
        agent, envs, n, "sample", sources=drawn_of, generator=torch.Generator().manual_seed(1), **settings
    ).texts
    keys = (
        [(*row, 0) for row in texts.tokens.tolist()]
        if rows is None
        else list(map(tuple, np.c_[texts.tokens, texts.sources].tolist()))
    )
    place = {key: at for at, key in enumerate(keys)}
    sources = np.zeros(n, int) if found.sources is None else found.sources
    counts = np.bincount([place[tuple(key)] for key in np.c_[found.tokens, sources].tolist()], minlength=len(keys))
    assert not counts[chances == 0].any()
    rare = chances * n < 5
    seen, expected = (np.append(each[~rare], each[rare].sum()) for each in (counts, chances * n))
    some = expected > 0
    assert chisquare(seen[some], expected[some]).pvalue > 1e-4


def cut(chances: np.ndarray, temperature: float = 1.0, top_k: int = 99, top_p: float = 1.0) -> np.ndarray:
    chances = chances ** (1 / temperature)
    kept, total = np.zeros_like(chances), 0.0
    best = np.argsort(-chances, kind="stable")[:top_k]
    for token in best:
        if total / chances[best].sum() < top_p:
            kept[token] = chances[token]
        total += chances[token]
    return kept / kept.sum()


@pytest.mark.parametrize("kind", [QLearning, Unigram])
def test_agents_without_a_policy_network(kind: Any) -> None:
    envs = TextGenVectorEnv(num_envs=2, **TINY)
    agent = kind(envs)
    found = decode(agent, envs, 1, "beam", width=8, k_best=8)
    np.testing.assert_allclose(found.log_probs, agent.log_prob(*found.texts[:2]))
    assert len(np.unique(found.texts.tokens, axis=0)) == 8


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "best"}, "'greedy', 'beam', 'sample'"),
        ({"method": "sample"}, "generator=None"),
        ({"top_k": 3}, "top_k is of method='sample'"),
        ({"method": "beam", "width": 2, "k_best": 3}, "k_best=3 must be a whole number from 1 to 2"),
        ({"sources": [0]}, "unconditional"),
    ],
)
def test_errors(settings: dict[str, Any], said: str) -> None:
    envs = TextGenVectorEnv(num_envs=2, **TINY)
    with pytest.raises(ValueError, match=said):
        decode(agent_of(envs), envs, 1, **settings)
