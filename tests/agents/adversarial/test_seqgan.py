"""SeqGAN follows algorithm 1: what it does in which order, by which gradient, and that it learns."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.adversarial.seqgan import SeqGAN, SeqGANConfig
from agents.data.episodes import play
from agents.imitation.mle import MLE, MLEConfig
from agents.protocol import Progress
from support.adversarial_agents import DISCRIMINATOR, SMALL, small_agent, small_envs


def test_algorithm_1_in_order() -> None:
    envs = small_envs()
    seen: list[Progress] = []
    agent = small_agent(envs, g_steps=2).train(envs, 20_000, lambda progress: len(seen.append(progress) or seen) < 14)
    assert [p.phase for p in seen] == 4 * ["mle"] + 2 * ["discriminator"] + 8 * ["adversarial"]
    turns = ["policy" if "policy" in p.losses else "d" for p in seen[6:]]
    assert turns == 2 * ["policy", "policy", "d", "d"]
    assert all(set(p.losses) == {"nll"} for p in seen[:4])
    assert all(set(p.losses) == {"loss", "accuracy"} for p in seen[4:6])
    read = envs.unwrapped.task.training_sequences().lengths.sum()
    assert {p.tokens_read for p in seen[3:]} == {read}
    assert seen[3].tokens_generated == seen[3].tokens_rolled_out == 0
    assert seen[5].tokens_rolled_out == 0 < seen[5].tokens_generated
    rolled_out = np.diff([p.tokens_rolled_out for p in seen[5:]])
    assert ((rolled_out > 0) == [turn == "policy" for turn in turns]).all()
    assert np.isfinite([p.mean_return for p, turn in zip(seen[6:], turns, strict=True) if turn == "policy"]).all()
    assert agent.tokens_spent == seen[-1].tokens_read + seen[-1].tokens_generated + seen[-1].tokens_rolled_out
    # A d-step: `d_samples` texts written, passes over them in batches of which half are written.
    assert envs.unwrapped.reward.discriminator.steps_taken == 6 * 1 * 5


def test_pre_training_of_the_discriminator_has_its_own_passes() -> None:
    envs = small_envs()
    seen: list[int] = []
    taught = envs.unwrapped.reward.discriminator
    agent = small_agent(envs, pretrain_epochs=0, d_pretrain_epochs=3, d_epochs=1, d_steps=1)
    agent.train(envs, 10_000, lambda progress: len(seen.append(taught.steps_taken) or seen) < 4)
    # Two sets in three passes; a g-step; a d-step in one.
    assert np.diff([0, *seen]).tolist() == [15, 15, 0, 5]
    with pytest.raises(ValueError, match="d_pretrain_epochs=0"):
        SeqGANConfig(d_pretrain_epochs=0)


def test_with_a_ranker_it_is_rankgan() -> None:
    """It follows log R, and its d-steps teach the ranker to tell the order of real texts and its own."""
    envs = gym.make_vec(
        "TextGen-OracleSmallGAN-v0",
        num_envs=4,
        reward={**DISCRIMINATOR, "name": "ranker", "learning_rate": 0.01},
        vocab_size=12,
        max_length=5,
        train_size=64,
    )
    seen: list[Progress] = []
    agent = small_agent(envs, pretrain_epochs=0, d_pretrain_steps=6, d_epochs=4)
    begun = [p.detach().clone() for p in agent.network.parameters()]
    agent.train(envs, 20_000, lambda progress: len(seen.append(progress) or seen) < 9)
    assert [set(p.losses) for p in seen] == 6 * [{"loss", "accuracy"}] + [{"policy"}] + 2 * [{"loss", "accuracy"}]
    assert envs.unwrapped.reward.learner.steps_taken == 8 * 4 * 5
    assert seen[5].losses["loss"] < seen[0].losses["loss"] - 0.1
    assert seen[5].losses["accuracy"] > 0.7
    # By chance alone a text ranks as one of the 17 that it is compared with and counted among.
    assert seen[6].mean_return < np.log(1 / 17)
    assert any(not old.equal(new) for old, new in zip(begun, agent.network.parameters(), strict=True))


def test_a_reward_that_does_not_learn_leaves_the_g_steps() -> None:
    envs = small_envs("random")
    seen: list[Progress] = []
    small_agent(envs, pretrain_epochs=0).train(envs, 10_000, lambda progress: len(seen.append(progress) or seen) < 5)
    assert [set(p.losses) for p in seen] == 5 * [{"policy"}]


def test_a_reward_that_learns_by_itself_is_refused() -> None:
    envs = small_envs({**DISCRIMINATOR, "auto_update": True})
    with pytest.raises(ValueError, match="'auto_update': False"):
        small_agent(envs).train(envs, 100)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"rollouts": -1}, "rollouts=-1"),
        ({"rollout_rate": 0.0}, "rollout_rate=0.0"),
        ({"credit": "softmax"}, "rollouts=2 must be 0"),
        ({"baseline": "learned"}, "baseline='learned'"),
        ({"d_samples": 0}, "d_samples=0"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        SeqGANConfig(**{**SMALL, **wrong})


def by_enumeration(agent: SeqGAN, envs: Any) -> np.ndarray:
    """d E[score] / d theta by enumeration of every text."""
    core = envs.unwrapped
    vocab_size, horizon = agent.spec.vocab_size, agent.spec.max_length
    texts = np.array(list(itertools.product(range(vocab_size), repeat=horizon)))
    logits = agent.network.logits(agent.network.hidden(torch.from_numpy(texts), None))
    log_probs = logits.log_softmax(-1).gather(2, torch.from_numpy(texts).unsqueeze(2)).squeeze(2)
    # What follows a text's end changes neither its score nor, summed over all that may follow, its chance.
    expected = (log_probs.sum(1).exp() * torch.from_numpy(core.score(texts)).float()).sum()
    return np.concatenate([g.flatten().numpy() for g in torch.autograd.grad(expected, agent.parameters)])


@pytest.mark.parametrize("baseline", ["none", "batch_mean"])
@pytest.mark.parametrize("rollouts", [0, 1, 3])
def test_the_gradient_is_that_of_the_expected_score(rollouts: int, baseline: str) -> None:
    """The mean of many g-steps' gradients agrees with enumeration within its standard error."""
    envs = small_envs("table", vocab_size=3, max_length=3)
    agent = small_agent(envs, rollouts=rollouts, baseline=baseline, initial_std=0.7, batch_size=32, max_grad_norm=1e9)
    gradients: list[np.ndarray] = []

    def keep(loss: torch.Tensor, terms: Any, optimiser: Any = None, batch: Any = None) -> dict[str, float]:
        found = torch.autograd.grad(loss, agent.parameters)
        gradients.append(-np.concatenate([g.flatten().numpy() for g in found]) / 32)
        return {}

    agent.gradient_step = keep  # type: ignore[method-assign]
    for _ in range(250):
        agent.generator_step(envs)
    mean, error = np.mean(gradients, 0), np.std(gradients, 0) / np.sqrt(len(gradients))
    exact = by_enumeration(agent, envs)
    assert np.abs(exact).max() > 0.05
    deviations = (mean - exact)[error > 1e-9] / error[error > 1e-9]
    assert np.abs(deviations).max() < 4.5
    assert abs(deviations.mean()) < 0.5
    np.testing.assert_allclose(mean[error <= 1e-9], exact[error <= 1e-9], atol=1e-6)


def test_shares_of_a_batch_are_maligans_weights() -> None:
    envs = small_envs("table")
    agent = small_agent(envs, credit="softmax", rollouts=0)
    episodes = play(agent.explore, envs, np.full(4, 4), seed=0)
    values, _ = agent.rollouts.values(envs, episodes)
    ratios = np.exp(episodes.returns)
    np.testing.assert_allclose(values[:, 0], ratios / ratios.sum() - 1 / 16)
    for row, length in enumerate(episodes.lengths):
        assert (values[row, :length] == values[row, 0]).all()
        assert not values[row, length:].any()


def test_the_rollout_policy_follows_at_its_rate() -> None:
    envs = small_envs("table")
    agent = small_agent(envs, pretrain_epochs=0, rollout_rate=0.25)
    before = [p.detach().clone() for p in agent.network.parameters()]
    agent.train(envs, 1)
    for old, new, slow in zip(before, agent.network.parameters(), agent.rollouts.network.parameters(), strict=True):
        torch.testing.assert_close(slow, old + 0.25 * (new - old))
    assert any(not old.equal(new) for old, new in zip(before, agent.network.parameters(), strict=True))
    assert small_agent(envs).rollouts.network is not agent.rollouts.network
    same = small_agent(envs)
    assert same.rollouts.network is same.network


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_saved_in_any_phase_it_goes_on_bit_for_bit(rate: float, tmp_path: Path) -> None:
    def both(stop: int) -> tuple[SeqGAN, SeqGAN]:
        calls = itertools.count(1)
        envs = small_envs()
        agent = small_agent(envs, seed=2, rollout_rate=rate)
        agent.train(envs, 10**6, lambda _: next(calls) < stop)
        agent.save(tmp_path / "agent")
        state = envs.unwrapped.reward.state_dict()
        others = small_envs()
        others.unwrapped.reward.load_state_dict(state)
        loaded = SeqGAN.load(tmp_path / "agent")
        for learner, its_envs in ((agent, envs), (loaded, others)):
            more = itertools.count(1)
            learner.train(its_envs, 10**6, lambda _, more=more: next(more) < 6)
        return agent, loaded

    for stop in (2, 5, 8):
        agent, loaded = both(stop)
        assert agent.tokens_spent == loaded.tokens_spent
        for name, network in agent._networks().items():
            twin = loaded._networks()[name].state_dict()
            assert all(tensor.equal(twin[key]) for key, tensor in network.state_dict().items())


def test_it_begins_with_the_policy_it_adopts() -> None:
    envs = small_envs()
    teacher = MLE(envs, MLEConfig(embedding_size=8, hidden_size=8, cell="lstm")).train(envs, 500)
    agent = small_agent(envs, pretrain_epochs=0)
    agent.initialise_from(teacher)
    texts = teacher.sample(20)
    np.testing.assert_array_equal(agent.log_prob(texts.tokens), teacher.log_prob(texts.tokens))
    assert agent.tokens_read == teacher.tokens_read > 0
    with pytest.raises(ValueError, match=r"differs in .*hidden_size"):
        small_agent(envs, hidden_size=9).initialise_from(teacher)
    with pytest.raises(TypeError, match="policy network"):
        agent.initialise_from("MLE")


def test_it_learns_from_a_reward_that_is_no_secret() -> None:
    """With the table of Tiny as its reward it writes the best text: roll-outs, credit and update are right together."""
    envs = small_envs("table")
    agent = small_agent(
        envs, pretrain_epochs=0, batch_size=64, learning_rate=0.02, baseline="batch_mean", rollouts=4, hidden_size=16
    )
    agent.train(envs, 400_000)
    vocab_size, horizon = agent.spec.vocab_size, agent.spec.max_length
    every = np.array(list(itertools.product(range(vocab_size), repeat=horizon)))
    best = envs.unwrapped.score(every).max()
    mine = envs.unwrapped.score(agent.sample(200).tokens).mean()
    assert mine > 0.9 * best
