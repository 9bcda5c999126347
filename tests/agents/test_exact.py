"""Tables and gradients of agents are those of sums over all texts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.baselines.uniform import Uniform
from agents.exact import exact_gradient, network_logits, policy_table
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from support.games import share_copied, share_of_a
from support.text_sums import paths
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts, expected_return, soft_optimum, text_probabilities

SMALL: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4, "layers": 1, "heads": 2}


@pytest.fixture(params=["tiny", "min_length", "masked", "conditional"])
def envs(request: pytest.FixtureRequest, no_repeat_task: Any, echo_task: Any) -> TextGenVectorEnv:
    """A small game of every kind."""
    tiny = {"task": "tiny", "reward": "table", "vocab_size": 3, "max_length": 4}
    games: dict[str, dict[str, Any]] = {
        "tiny": tiny,
        "min_length": tiny | {"min_length": 2},
        "masked": {"task": no_repeat_task, "reward": share_of_a},
        "conditional": {"task": echo_task, "reward": share_copied, "reward_mode": "dense"},
    }
    return TextGenVectorEnv(num_envs=2, **games[request.param])


def unequal(agent: Reinforce) -> Reinforce:
    """The agent with larger output weights, and all of them of double precision."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        weight = agent.network.decoder.output.weight
        weight.copy_(torch.randn(weight.shape, generator=generator))
    agent.network.double()
    return agent


def log_probs_of_all_texts(agent: Reinforce, mdp: TextMDP) -> torch.Tensor:
    """log p(text | source) (N,): the network reads whole texts, and what is masked has no share."""
    texts = all_texts(mdp)
    states, tokens, written = paths(mdp)
    sources = None
    if mdp.sources is not None:
        sources = torch.from_numpy(mdp.sources.tokens[states[:, 0]])
    logits = agent.network.logits(agent.network.hidden(torch.from_numpy(texts.tokens), sources))
    logits = logits.masked_fill(torch.from_numpy(~mdp.allowed[states]), -torch.inf)
    chosen = logits.log_softmax(-1).gather(2, torch.from_numpy(tokens)[..., None])[..., 0]
    return chosen.masked_fill(torch.from_numpy(~written), 0).sum(1)


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
def test_the_table_is_the_policy(envs: TextGenVectorEnv, cell: Any) -> None:
    mdp = TextMDP.of(envs)
    agent = unequal(Reinforce(envs, ReinforceConfig(**SMALL, cell=cell), seed=0))
    table = policy_table(agent, mdp)
    states, _, _ = paths(mdp)
    expected = mdp.start[states[:, 0]] * log_probs_of_all_texts(agent, mdp).detach().exp().numpy()
    np.testing.assert_allclose(text_probabilities(mdp, table), expected, rtol=1e-9)
    np.testing.assert_array_equal(policy_table(agent.network, mdp), table)


def test_the_table_is_what_the_agent_says_of_itself() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    mdp = TextMDP.of(envs)
    agent = Reinforce(envs, ReinforceConfig(entropy_weight=0.0)).train(envs, 2_000)
    texts = all_texts(mdp)
    said = agent.log_prob(texts.tokens, texts.lengths)
    np.testing.assert_allclose(np.log(text_probabilities(mdp, policy_table(agent, mdp))), said, atol=1e-4)


@pytest.mark.parametrize(
    ("cell", "discount", "temperature"),
    [("gru", 1.0, 0.0), ("gru", 0.7, 0.0), ("gru", 0.7, 0.4), ("transformer", 1.0, 0.0)],
)
def test_the_gradient_is_that_of_the_sum_over_all_texts(
    envs: TextGenVectorEnv, cell: Any, discount: float, temperature: float
) -> None:
    mdp = TextMDP.of(envs, discount)
    attention: Any = "additive" if mdp.sources is not None and cell == "transformer" else "none"
    config = ReinforceConfig(**SMALL, cell=cell, attention=attention, baseline="learned")
    agent = unequal(Reinforce(envs, config, seed=0))
    parameters = [parameter for parameter in agent.network.parameters() if parameter.requires_grad]
    states, tokens, written = paths(mdp)
    discounts = discount ** np.arange(states.shape[1])
    returns = torch.from_numpy((np.where(written, mdp.rewards[states, tokens], 0) * discounts).sum(1))
    starts = torch.from_numpy(mdp.start[states[:, 0]])
    objective = (starts * log_probs_of_all_texts(agent, mdp).exp() * returns).sum()
    if temperature:
        # tau sum_t discount^t H(pi(.|s_t)), each text with the entropies that it comes by.
        chances = network_logits(agent.network, mdp, slice(None)).softmax(-1)
        rows = -(chances * chances.clamp(min=1e-300).log()).sum(1)
        along = (rows[torch.from_numpy(states)] * torch.from_numpy(written * discounts)).sum(1)
        objective = objective + temperature * (starts * log_probs_of_all_texts(agent, mdp).exp() * along).sum()
    assert float(objective.detach()) == pytest.approx(expected_return(mdp, policy_table(agent, mdp), temperature))
    expected = torch.autograd.grad(objective, parameters, allow_unused=True)
    found = exact_gradient(agent, mdp, temperature)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), 0 if theirs is None else theirs.numpy(), rtol=1e-8, atol=1e-12)
    assert sum(float(part.abs().sum()) for part in found) > 1e-3


def test_chunks_change_nothing(envs: TextGenVectorEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    mdp = TextMDP.of(envs)
    agent = unequal(Reinforce(envs, ReinforceConfig(**SMALL), seed=0))
    table, gradient = policy_table(agent, mdp), exact_gradient(agent, mdp)
    monkeypatch.setattr("agents.exact.CHUNK_HIDDEN", 3 * mdp.tokens.shape[1])
    np.testing.assert_allclose(policy_table(agent, mdp), table, rtol=1e-12)
    for ours, theirs in zip(exact_gradient(agent, mdp), gradient, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-14)


def test_following_the_gradient_comes_to_the_soft_optimum() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2, vocab_size=3, max_length=3)
    mdp = TextMDP.of(envs)
    agent = Reinforce(envs, ReinforceConfig(embedding_size=8, hidden_size=16), seed=0)
    optimiser = torch.optim.Adam(agent.parameters, lr=0.03)
    best = float(soft_optimum(mdp, 0.5).V[0])
    assert expected_return(mdp, policy_table(agent, mdp), 0.5) < best - 0.3
    for _ in range(200):
        for parameter, gradient in zip(agent.parameters, exact_gradient(agent, mdp, 0.5), strict=True):
            parameter.grad = -gradient
        optimiser.step()
    assert best - 1e-3 < expected_return(mdp, policy_table(agent, mdp), 0.5) <= best


class ByItself:
    """An agent without a network."""

    def __init__(self, chances: list[float]) -> None:
        self.chances = chances

    def action_probabilities(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any) -> np.ndarray:
        assert tokens.shape == (len(lengths), 5)
        assert sources is None
        return np.tile(self.chances, (len(tokens), 1))


def test_an_agent_may_say_its_probabilities_itself() -> None:
    mdp = TextMDP.of(gym.make("TextGen-Tiny-v0", min_length=1))
    table = policy_table(ByItself([0.2, 0.4, 0.3, 0.1]), mdp)
    np.testing.assert_allclose(table[0], [0, 0.5, 0.375, 0.125])
    np.testing.assert_allclose(table[1:], np.tile([0.2, 0.4, 0.3, 0.1], (120, 1)))
    with pytest.raises(ValueError, match=r"leaves no allowed token after \[\]"):
        policy_table(ByItself([1.0, 0.0, 0.0, 0.0]), mdp)
    with pytest.raises(ValueError, match=r"action_probabilities has shape \(121, 3\), expected \(121, 4\)"):
        policy_table(ByItself([0.5, 0.5, 0.0]), mdp)
    with pytest.raises(ValueError, match=r"agent\[0\]=.* must be probabilities"):
        policy_table(ByItself([0.5, 0.9, -0.4, 0.0]), mdp)


def test_agents_that_do_not_fit_are_refused(echo_task: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    mdp = TextMDP.of(envs)
    other = Reinforce(gym.make_vec("TextGen-Tiny-v0", num_envs=2, max_length=4))
    conditional = Reinforce(TextGenVectorEnv(echo_task, share_copied))
    wider = Reinforce(gym.make_vec("TextGen-Tiny-v0", num_envs=2, vocab_size=6))
    for agent in (other, conditional, wider):
        for call in (policy_table, exact_gradient):
            with pytest.raises(ValueError, match=r"agent writes TextSpec\(.*, but the game is another: TinyTask of 4"):
                call(agent, mdp)
    with pytest.raises(ValueError, match="agent writes 6 tokens, but the game has 4"):
        policy_table(wider.network, mdp)
    for call in (policy_table, exact_gradient):
        with pytest.raises(TypeError, match="needs a policy network as its `network`, or action_probabilities"):
            call(Uniform(envs), mdp)
