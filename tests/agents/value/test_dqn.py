"""DQN: its targets by hand, its target network, and that it writes the best text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.data.text_batch import TextBatch
from agents.exact import policy_table
from agents.policy_gradient.reinforce import Reinforce
from agents.value.deep_q import values_of
from agents.value.deep_sarsa import DeepSarsa, DeepSarsaConfig
from agents.value.dqn import DQN, DQNConfig
from support.games import share_copied
from support.text_batches import forbids
from textgen_env import BaseTask, TextGenVectorEnv
from textgen_env.solve import TextMDP, backward_induction, expected_return

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 6, "batch_size": 8}


def make_envs(num_envs: int = 8, **kwargs: Any) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, **kwargs)


def spread(agent: Any) -> Any:
    """The agent, and its target network, with larger and unlike output weights."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for network in (agent.network, getattr(agent, "target_network", None)):
            if network is not None:
                weight = network.decoder.output.weight
                weight.copy_(torch.randn(weight.shape, generator=generator))
    return agent


def some(agent: Any, envs: Any, masked: bool = False) -> TextBatch:
    episodes = agent.gather(envs, np.ones(envs.num_envs, np.int64))
    if not masked:
        return episodes
    kept = np.where(episodes.tokens == 3, 1, episodes.tokens)
    return replace(episodes, tokens=kept, allowed_tokens=forbids(3, 4))


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("n", [1, 3])
def test_the_step_is_down_the_error_of_targets_written_out(
    double: bool, masked: bool, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    envs = make_envs()
    agent = spread(DQN(envs, DQNConfig(**SMALL, double=double, n_step=n, discount=0.9, loss="square")))
    if masked:
        # What is not allowed looks best.
        with torch.no_grad():
            for network in (agent.network, agent.target_network):
                network.decoder.output.bias[3] = 10.0
    episodes = some(agent, envs, masked)
    played = episodes
    ours = agent.action_values(played).detach().double().numpy()
    theirs = agent.action_values(played, agent.target_network).detach().double().numpy()
    assert np.abs(ours - theirs).max() > 0.1
    squares = []
    for text, length in enumerate(episodes.lengths.tolist()):
        for t in range(length):
            target = sum(0.9**k * episodes.rewards[text, t + k] for k in range(min(n, length - t)))
            if t + n < length:
                tokens = [a for a in range(4) if not masked or a != 3]
                judge = ours if double else theirs
                best = max(tokens, key=lambda a: judge[text, t + n, a])
                target += 0.9**n * theirs[text, t + n, best]
            squares.append((ours[text, t, episodes.tokens[text, t]] - target) ** 2)
    said: list[tuple[Any, Any]] = []
    monkeypatch.setattr(agent, "gradient_step", lambda loss, terms: said.append((loss, terms)) or {})
    agent.update(episodes)
    ((loss, terms),) = said
    assert float(loss.detach()) == pytest.approx(np.mean(squares) / 2, rel=1e-5)
    assert terms == {"td": loss}
    # No gradient flows through the targets: it is that of the error with the targets held fixed.
    loss.backward()
    assert all(parameter.grad is None for parameter in agent.target_network.parameters())


@pytest.mark.parametrize("n", [1, 2])
def test_sarsa_expects_what_was_written_next(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    envs = make_envs()
    agent = spread(DeepSarsa(envs, DeepSarsaConfig(**SMALL, n_step=n, discount=0.9, loss="square")))
    episodes = some(agent, envs)
    played = episodes
    values = values_of(agent.action_values(played), played)
    found = values.detach().double().numpy()
    targets = np.zeros_like(found)
    for text, length in enumerate(episodes.lengths.tolist()):
        for t in range(length):
            targets[text, t] = sum(0.9**k * episodes.rewards[text, t + k] for k in range(min(n, length - t)))
            targets[text, t] += 0.9**n * found[text, t + n] if t + n < length else 0
    expected = ((values - torch.from_numpy(targets).float()) ** 2 * played.written).sum() / (2 * played.written.sum())
    said: list[Any] = []
    monkeypatch.setattr(agent, "gradient_step", lambda loss, terms: said.append(loss) or {})
    agent.learn(episodes)
    assert float(said[0].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad(said[0], agent.parameters),
        torch.autograd.grad(expected, agent.parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("period", "rate"), [(3, 1.0), (1, 0.25)])
def test_the_target_network_follows(period: int, rate: float) -> None:
    envs = make_envs()
    agent = DQN(envs, DQNConfig(**SMALL, target_period=period, target_rate=rate))
    weight = agent.target_network.decoder.output.weight
    assert torch.equal(weight, agent.network.decoder.output.weight)
    episodes = some(agent, envs)
    for update in range(1, 7):
        before = weight.detach().clone()
        agent.update(episodes)
        now = agent.network.decoder.output.weight.detach()
        assert not torch.equal(before, now)
        expected = before + rate * (now - before) if update % period == 0 else before
        torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=1e-7)


def test_it_learns_once_enough_was_written_and_then_so_often() -> None:
    envs = make_envs()
    agent = DQN(envs, DQNConfig(**SMALL, learning_starts=20, replay_capacity=30, updates_per_batch=3))
    updates: list[int] = []
    agent.train(envs, 200, lambda progress: updates.append(agent.updates))
    assert updates[:5] == [0, 0, 3, 6, 9]
    assert len(agent.replay) == 30


def test_sarsa_takes_several_steps_on_what_was_just_written() -> None:
    envs = make_envs()
    agent = DeepSarsa(envs, DeepSarsaConfig(**SMALL, updates_per_batch=3))
    updates: list[int] = []
    agent.train(envs, 100, lambda progress: updates.append(agent.updates))
    assert updates == list(range(3, 3 * len(updates) + 1, 3))


def test_sarsa_takes_smaller_steps_as_it_goes_on() -> None:
    envs = make_envs()
    agent = DeepSarsa(envs, DeepSarsaConfig(**SMALL, learning_rate=0.4, learning_rate_half_life=100))
    agent.tokens_generated = 200
    agent.learn(some(agent, envs))
    assert agent.optimiser.param_groups[0]["lr"] == pytest.approx(0.1)
    constant = DeepSarsa(envs, DeepSarsaConfig(**SMALL, learning_rate=0.4, learning_rate_half_life=None))
    constant.tokens_generated = 200
    assert constant.learning_rate == 0.4


def test_it_begins_with_the_values_of_another() -> None:
    envs = make_envs()
    other = spread(DeepSarsa(envs, DeepSarsaConfig(**SMALL))).train(envs, 100)
    agent = DQN(envs, DQNConfig(**SMALL))
    agent.initialise_from(other)
    assert agent.tokens_generated == other.tokens_generated
    for network in (agent.network, agent.target_network):
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, other.network.state_dict()[name])
    with pytest.raises(TypeError, match="must be a deep Q agent, got Reinforce"):
        agent.initialise_from(Reinforce(envs))


def test_a_loss_that_is_not_finite_is_named_and_changes_nothing() -> None:
    envs = make_envs()
    agent = DQN(envs, DQNConfig(**SMALL, loss="square", learning_starts=8))
    episodes = some(agent, envs)
    before = {name: tensor.clone() for name, tensor in agent.network.state_dict().items()}
    with pytest.raises(FloatingPointError, match="DQN: td is inf in update 1"):
        agent.update(replace(episodes, rewards=episodes.rewards + 1e30))
    assert all(torch.equal(tensor, before[name]) for name, tensor in agent.network.state_dict().items())


@pytest.mark.parametrize("double", [False, True])
def test_it_writes_the_best_text_of_tiny(double: bool) -> None:
    envs = make_envs(64, vocab_size=3, max_length=4)
    mdp = TextMDP.of(envs)
    config = DQNConfig(hidden_size=32, learning_rate=0.01, exploration_tokens=10_000, target_period=10, double=double)
    agent = DQN(envs, config, seed=100).train(envs, 16_000)
    best = backward_induction(mdp)
    assert 0.98 * best.V[0] < expected_return(mdp, policy_table(agent, mdp)) <= best.V[0]
    # What it writes by is the optimal value of the first tokens.
    np.testing.assert_allclose(agent.values_after(mdp.tokens[:1], mdp.lengths[:1])[0], best.Q[0], atol=0.5)


def test_sarsa_writes_the_best_text_of_tiny() -> None:
    envs = make_envs(16, vocab_size=3, max_length=4)
    mdp = TextMDP.of(envs)
    config = DeepSarsaConfig(
        batch_size=16, hidden_size=32, learning_rate=0.005, exploration_tokens=10_000, learning_rate_half_life=8_000
    )
    agent = DeepSarsa(envs, config, seed=100).train(envs, 14_000)
    best = backward_induction(mdp).V[0]
    assert 0.98 * best < expected_return(mdp, policy_table(agent, mdp)) <= best


def test_it_answers_its_source(echo_task: BaseTask) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 64, reward_mode="dense")
    config = DQNConfig(exploration_tokens=12_000, learning_rate=0.01, hidden_size=32, target_period=10)
    agent = DQN(envs, config, seed=100).train(envs, 18_000)
    mdp = TextMDP.of(envs)
    assert expected_return(mdp, mdp.uniform_policy()) < 0.4
    assert expected_return(mdp, policy_table(agent, mdp)) > 0.9
