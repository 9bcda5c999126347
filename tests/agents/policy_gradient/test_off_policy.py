"""Learning from another policy's texts: the gradient is that of the own expected return, and which weights bias it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.data.text_batch import TextBatch
from agents.exact import exact_gradient, policy_table
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.off_policy import OffPolicy, OffPolicyConfig, check_allowed
from support.games import share_copied
from support.gradient_statistics import SMALLEST, Deviations, estimates, gradient_of, unequal
from support.text_batches import masks_of
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, expected_return

PLAIN: dict[str, Any] = {**SMALLEST, "scale_advantages": False, "refresh_every": None}


def small_envs(num_envs: int = 128) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, vocab_size=3, max_length=3)


def other_policy(envs: Any) -> MLE:
    """One that is far from the agent's."""
    return unequal(MLE(envs, MLEConfig(**SMALLEST), seed=7), seed=8)


def deviations_of(count: int = 100, **config: Any) -> Deviations:
    envs = small_envs()
    agent = unequal(OffPolicy(envs, OffPolicyConfig(**PLAIN, **config), seed=0))
    agent.learn_from(other_policy(envs))
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs)))
    quota = np.ones(128, np.int64)
    return Deviations.of(
        estimates(agent, (agent.losses(agent.gather(envs, quota))["policy"] for _ in range(count))), exact
    )


@pytest.mark.parametrize(
    ("weighting", "baseline"), [("decision", "weighted_mean"), ("decision", "none"), ("trajectory", "weighted_mean")]
)
def test_ordinary_weights_are_unbiased(weighting: Any, baseline: Any) -> None:
    found = deviations_of(weighting=weighting, baseline=baseline, correction="ordinary")
    assert found.largest < 4
    assert found.noise < 0.12


@pytest.mark.parametrize(("correction", "clip"), [("clipped", 1.0), ("self_normalised", 5.0)])
def test_other_weights_are_biased(correction: Any, clip: float) -> None:
    """The clipped gradient is much too short; the self-normalised one of 128 texts hardly differs."""
    found = deviations_of(weighting="trajectory", correction=correction, clip=clip, baseline="none")
    if correction == "clipped":
        assert found.largest > 6
        assert found.along < 0.9
    else:
        assert abs(found.along - 1) < 0.2


def test_without_weights_it_would_be_another_gradient() -> None:
    """The behaviour is so far away that the test above can tell."""
    envs = small_envs()
    agent = unequal(OffPolicy(envs, OffPolicyConfig(**PLAIN, correction="ordinary"), seed=0))
    agent.learn_from(other_policy(envs))
    agent.weights = lambda log_ratios, lengths: (np.arange(3) < lengths[:, None]).astype(float)  # type: ignore[method-assign]
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs)))
    losses = (agent.losses(agent.gather(envs, np.ones(128, np.int64)))["policy"] for _ in range(40))
    assert Deviations.of(estimates(agent, losses), exact).largest > 8


def test_it_is_unbiased_given_the_sources_and_under_masks(echo_task: Any, no_repeat_task: Any) -> None:
    for task, reward in ((echo_task, share_copied), (no_repeat_task, lambda t, n, sources=None: (t == 2).sum(1) + 0.0)):
        envs = TextGenVectorEnv(task, reward, 128)
        config = OffPolicyConfig(**PLAIN, correction="ordinary", temperature=1.5)
        agent = unequal(OffPolicy(envs, config, seed=0))
        exact = gradient_of(exact_gradient(agent, TextMDP.of(envs)))
        losses = (agent.losses(agent.gather(envs, np.ones(128, np.int64)))["policy"] for _ in range(60))
        assert Deviations.of(estimates(agent, losses), exact).largest < 4


def test_the_copy_is_made_anew_every_few_updates_at_its_temperature() -> None:
    envs = small_envs(8)
    agent = unequal(OffPolicy(envs, OffPolicyConfig(**SMALLEST, batch_size=8, refresh_every=3, temperature=2.0)))
    copies = []
    for update in range(7):
        agent.updates = update
        agent.gather(envs, np.ones(8, np.int64))
        copies.append(agent.behaviour.decoder.output.weight.clone())
        if update in (0, 3, 6):
            torch.testing.assert_close(copies[-1], agent.network.decoder.output.weight / 2)
        with torch.no_grad():
            agent.network.decoder.output.weight += 0.1
    assert [update for update in range(1, 7) if not copies[update].equal(copies[update - 1])] == [3, 6]


def test_it_learns_from_the_texts_of_a_data_set() -> None:
    """Texts that are all there is, scored: the policy comes to prefer the good ones among them, without writing any."""
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4, vocab_size=3, max_length=3)
    mdp = TextMDP.of(envs)
    config = OffPolicyConfig(
        learns_from="data",
        refresh_every=None,
        pretrain_epochs=3,
        correction="ordinary",
        hidden_size=16,
        entropy_weight=0.0,
    )
    agent = OffPolicy(envs, config, seed=0)
    read = int(envs.unwrapped.task.training_sequences().lengths.sum())
    phases: list[Any] = []
    agent.train(envs, 3 * read, phases.append)
    assert {progress.phase for progress in phases} == {"mle"}
    imitated = expected_return(mdp, policy_table(agent, mdp))
    agent.train(envs, 10 * read, phases.append)
    assert agent.tokens_generated == 0
    assert agent.tokens_read >= 13 * read
    assert np.isnan([progress.mean_return for progress in phases]).all()
    assert 0 < phases[-1].losses["effective_share"] <= 1
    assert expected_return(mdp, policy_table(agent, mdp)) > imitated + 0.3


def test_data_carry_sources_scores_and_masks(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 4, min_length=1)
    config = OffPolicyConfig(**SMALLEST, learns_from="data", refresh_every=None, batch_size=39)
    agent = OffPolicy(envs, config, seed=0)
    agent.train(envs, 1)
    agent.batches_read = 0
    read = agent.gather(envs, np.ones(4, np.int64))
    assert read.source_rows is not None
    np.testing.assert_array_equal(np.sort(read.source_rows), np.arange(39))
    np.testing.assert_allclose(read.returns, 1)
    assert (read.rewards[np.arange(39), read.lengths - 1] == 1).all()
    np.testing.assert_array_equal(read.sources, echo_task.sources.tokens[read.source_rows])
    masks = masks_of(read, agent.spec.vocab_size)
    assert not masks[:, :1, 0].any()
    assert masks[:, 1:].all()
    with pytest.raises(ValueError, match=r"training text \[0, 4, 4, 4\] has a token at 0 that the game masks"):
        wrong = TextBatch(np.array([[0, 4, 4, 4]]), np.array([1]), np.zeros((1, 4)), allowed_tokens=read.allowed_tokens)
        check_allowed(wrong, 4)
    free = TextGenVectorEnv(echo_task, share_copied, 4)
    agent.batches_read = 0
    assert agent.gather(free, np.ones(4, np.int64)).allowed_tokens is None


def test_another_agents_policy_is_kept_and_saved(tmp_path: Path) -> None:
    envs = small_envs(8)
    agent = OffPolicy(envs, OffPolicyConfig(**PLAIN, batch_size=8), seed=1)
    other = other_policy(envs)
    agent.learn_from(other)
    agent.train(envs, 200)
    agent.save(tmp_path / "agent")
    loaded = OffPolicy.load(tmp_path / "agent")
    for learner in (agent, loaded):
        learner.train(envs, 200)
    for name, tensor in other.network.state_dict().items():
        assert torch.equal(loaded.behaviour.state_dict()[name], tensor)
        assert torch.equal(loaded.network.state_dict()[name], agent.network.state_dict()[name])


def test_what_does_not_fit_is_refused() -> None:
    envs = small_envs(2)
    with pytest.raises(ValueError, match="refresh_every=4 would replace the other agent's policy"):
        OffPolicy(envs).learn_from(other_policy(envs))
    agent = OffPolicy(envs, OffPolicyConfig(refresh_every=None))
    with pytest.raises(ValueError, match=r"differs in .*embedding"):
        agent.learn_from(other_policy(envs))
    with pytest.raises(TypeError, match="policy network"):
        agent.learn_from("MLE")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="refresh_every=4 must be None with learns_from='data'"):
        OffPolicyConfig(learns_from="data")
    for wrong in ({"learns_from": "me"}, {"weighting": "token"}, {"correction": "none"}, {"baseline": "mean"}):
        (name,) = wrong
        with pytest.raises(ValueError, match=name):
            OffPolicyConfig(**wrong)  # type: ignore[arg-type]
    for small in ({"temperature": 0.0}, {"clip": 0.0}, {"pretrain_epochs": -1}, {"refresh_every": 0}):
        (name,) = small
        with pytest.raises(ValueError, match=name):
            OffPolicyConfig(**small)  # type: ignore[arg-type]
    ordinary = OffPolicy(envs, OffPolicyConfig(correction="ordinary"))
    with pytest.raises(
        FloatingPointError, match=r"OffPolicy: weights are not finite in update 1; .* of 1 texts is 2400"
    ):
        ordinary.weights(np.full((1, 3), 800.0), np.array([3]))
