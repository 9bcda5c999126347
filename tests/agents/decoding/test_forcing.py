"""Texts that an agent is made to write, against the enumeration of all texts and against what it draws by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agents.decoding.decode import decode
from agents.decoding.forcing import along, continued, log_probs_at
from agents.decoding.next_tokens import NextTokens
from agents.exact import policy_table
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from support.games import share_copied, share_of_a
from textgen_env import TextGenVectorEnv, text_game
from textgen_env.solve import TextMDP, all_texts, text_probabilities

TINY: dict[str, Any] = {"task": "tiny", "reward": "table", "vocab_size": 3, "max_length": 4}


@pytest.fixture(params=["tiny", "masked", "conditional"])
def envs(request: pytest.FixtureRequest, no_repeat_task: Any, echo_task: Any) -> TextGenVectorEnv:
    games: dict[str, dict[str, Any]] = {
        "tiny": TINY,
        "masked": {"task": no_repeat_task, "reward": share_of_a},
        "conditional": {"task": echo_task, "reward": share_copied},
    }
    return TextGenVectorEnv(num_envs=2, **games[request.param])


def agent_of(envs: TextGenVectorEnv) -> Reinforce:
    """One whose texts are far from equally likely."""
    agent = Reinforce(envs, ReinforceConfig(embedding_size=3, hidden_size=4, cell="gru"), seed=0)
    with torch.no_grad():
        weight = agent.network.decoder.output.weight
        weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return agent


def tempered(table: np.ndarray, temperature: float) -> np.ndarray:
    chances = table ** (1 / temperature)
    return np.asarray(chances / chances.sum(1, keepdims=True))


@torch.inference_mode()
def test_texts_are_as_likely_as_the_enumeration_says_at_each_temperature(envs: TextGenVectorEnv) -> None:
    mdp, agent = TextMDP.of(envs), agent_of(envs)
    texts, temperatures = all_texts(mdp), (0.5, 1.0, 1.7)
    sources = None if mdp.sources is None else text_game(envs).task.sources.tokens[texts.sources]
    found = log_probs_at(NextTokens(agent, text_game(envs)), torch.from_numpy(texts.tokens), sources, temperatures)
    table = policy_table(agent, mdp)
    starts = np.count_nonzero(mdp.start)
    for log_probs, temperature in zip(found.numpy(), temperatures, strict=True):
        # Of a conditional game the enumeration has the source's own probability in it.
        exact = text_probabilities(mdp, tempered(table, temperature)) * starts
        np.testing.assert_allclose(np.exp(log_probs), exact, rtol=1e-5)


@torch.inference_mode()
def test_a_walk_visits_the_tokens_that_there_are(envs: TextGenVectorEnv) -> None:
    agent = agent_of(envs)
    game = text_game(envs)
    rows = None if game.task.sources is None else np.zeros(6, np.int64)
    texts = decode(agent, envs, 6, "sample", sources=rows, generator=torch.Generator().manual_seed(1)).texts
    sources = None if rows is None else game.task.sources.tokens[rows]
    visited = [(t, row) for t, rows, _ in along(NextTokens(agent, game), torch.from_numpy(texts.tokens), sources)
               for row in rows.tolist()]  # fmt: skip
    assert visited == [(t, row) for t in range(game.task.max_length) for row in range(6) if t < texts.lengths[row]]


@torch.inference_mode()
def test_a_text_goes_on_as_it_would_have(envs: TextGenVectorEnv) -> None:
    """By the same numbers: from any prefix of its own the agent writes the rest of the same text."""
    agent, game = agent_of(envs), text_game(envs)
    next_tokens = NextTokens(agent, game)
    rows = None if game.task.sources is None else np.arange(200) % 2
    sources = None if rows is None else game.task.sources.tokens[rows]
    drawn = decode(agent, envs, 200, "sample", sources=rows, generator=torch.Generator().manual_seed(5)).texts
    uniforms = torch.rand(200, game.task.max_length, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    texts = torch.from_numpy(drawn.tokens)
    for length in range(game.task.max_length):
        going = np.flatnonzero(drawn.lengths > length)
        given = None if sources is None else sources[going]
        same = continued(next_tokens, texts[going], length, uniforms[going], given)
        assert torch.equal(same, texts[going])
        others = continued(next_tokens, texts[going], length, uniforms[going].flip(1), given)
        assert torch.equal(others[:, :length], texts[going][:, :length])
