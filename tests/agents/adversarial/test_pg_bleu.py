"""PG-BLEU imitates, then follows BLEU: SeqGAN's algorithm without anything that learns but the generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.adversarial import seqgan
from agents.adversarial.pg_bleu import PGBleu, PGBleuConfig
from agents.adversarial.rollouts import RollOuts
from agents.adversarial.seqgan import SeqGANConfig
from agents.data.episodes import play
from agents.imitation.mle import MLE, MLEConfig
from agents.protocol import Agent, Progress

SMALL: dict[str, Any] = {"embedding_size": 8, "hidden_size": 8, "batch_size": 16, "pretrain_epochs": 2}
PAPER: dict[str, Any] = {
    "reward_mode": "terminal",
    "reward": {"name": "bleu", "max_order": 3, "smooth_method": "none", "effective_order": False},
}


def small_envs(reward: str = "bleu", **kwargs: Any) -> Any:
    settings = PAPER if reward == "bleu" else {"reward": reward}
    return gym.make_vec("TextGen-Tiny-v0", num_envs=4, train_size=64, **settings, **kwargs)


def small_agent(envs: Any, seed: int = 0, **config: Any) -> PGBleu:
    return PGBleu(envs, PGBleuConfig(**{**SMALL, **config}), seed)


def test_pretraining_and_then_nothing_but_g_steps() -> None:
    envs = small_envs()
    agent = small_agent(envs)
    assert isinstance(agent, Agent)
    seen: list[Progress] = []
    agent.train(envs, 10**6, lambda progress: len(seen.append(progress) or seen) < 13)
    assert [p.phase for p in seen] == 8 * ["mle"] + 5 * ["adversarial"]
    assert [set(p.losses) for p in seen] == 8 * [{"nll"}] + 5 * [{"policy"}]
    assert {p.tokens_read for p in seen[7:]} == {2 * envs.unwrapped.task.training_sequences().lengths.sum()}
    assert seen[7].tokens_generated == 0
    assert all(0 <= p.mean_return <= 1 for p in seen[8:])
    assert seen[-1].tokens_rolled_out > 0


def test_a_token_is_credited_with_the_bleu_of_one_continuation(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = small_envs()
    agent = small_agent(envs).train(envs, 2_000)
    episodes = play(agent.explore, envs, np.full(4, 8), seed=0)
    kept: list[RollOuts] = []
    roll_out = seqgan.roll_out
    monkeypatch.setattr(seqgan, "roll_out", lambda *args: (kept.append(roll_out(*args)), kept[-1])[1])
    values, _ = agent.rollouts.values(envs, episodes)
    (rollouts,) = kept
    reward = envs.unwrapped.reward
    expected = np.zeros_like(values)
    expected[rollouts.texts, rollouts.cuts - 1] = reward.score(rollouts.tokens, rollouts.lengths)
    last = np.arange(32), episodes.lengths - 1
    expected[last] = reward.score(episodes.tokens, episodes.lengths)
    np.testing.assert_allclose(values, expected)
    assert len(rollouts.texts) == (episodes.lengths - 1).sum()
    assert len(np.unique(values)) > 3


def test_it_learns_to_write_captions_with_a_better_bleu() -> None:
    envs = gym.make_vec("TextGen-Captions-v1", num_envs=32, train_size=500, test_size=10, **PAPER)
    config = PGBleuConfig(
        pretrain_epochs=5, pretrain_learning_rate=0.02, learning_rate=0.02, batch_size=32, baseline="batch_mean"
    )
    returns: list[float] = []

    def watch(progress: Progress) -> bool:
        if progress.phase == "adversarial":
            returns.append(progress.mean_return)
        return len(returns) < 60

    PGBleu(envs, config, seed=0).train(envs, 10**9, watch)
    assert np.mean(returns[-10:]) > np.mean(returns[:10]) + 0.2


def test_another_reward_is_refused_with_the_way_to_make_the_right_one() -> None:
    envs = small_envs("table")
    with pytest.raises(ValueError, match=r"TableReward.*TextGen-OracleBLEU-v0.*max_order.: 3") as refusal:
        small_agent(envs).train(envs, 100)
    settings = str(refusal.value).partition('-v0", ')[2].removesuffix(")")
    made = eval(f"dict({settings})")
    assert made == {"num_envs": 64, **PAPER}
    right = gym.make_vec("TextGen-OracleSmallBLEU-v0", **{**made, "num_envs": 4}, train_size=20, test_size=1)
    assert small_agent(right).train(right, 1).tokens_read > 0


def test_texts_of_another_shape_are_refused_first() -> None:
    with pytest.raises(ValueError, match="was made for"):
        small_agent(small_envs()).train(small_envs("table", max_length=3), 100)


@pytest.mark.parametrize("name", ["d_steps", "d_pretrain_steps"])
def test_there_are_no_d_steps(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=2 must be 0"):
        PGBleuConfig(**{name: 2})
    with pytest.raises(ValueError, match="rollouts=-1"):
        PGBleuConfig(rollouts=-1)
    with pytest.raises(TypeError, match="must be a PGBleuConfig"):
        PGBleu(small_envs(), SeqGANConfig())


def test_saved_among_g_steps_it_goes_on_bit_for_bit(tmp_path: Path) -> None:
    envs = small_envs()
    agent = small_agent(envs, seed=2).train(envs, 2_500)
    assert agent.adversarial_steps > 0
    agent.save(tmp_path / "agent")
    loaded = PGBleu.load(tmp_path / "agent")
    assert loaded.config == agent.config
    for each in (agent, loaded):
        each.train(small_envs(), 1_500)
    assert agent.tokens_spent == loaded.tokens_spent
    other = loaded.network.state_dict()
    assert all(tensor.equal(other[name]) for name, tensor in agent.network.state_dict().items())


def test_it_begins_with_the_policy_it_adopts() -> None:
    envs = small_envs()
    teacher = MLE(envs, MLEConfig(embedding_size=8, hidden_size=8, cell="lstm")).train(envs, 500)
    agent = small_agent(envs, pretrain_epochs=0)
    agent.initialise_from(teacher)
    seen: list[Progress] = []
    agent.train(envs, 200, seen.append)
    assert {p.phase for p in seen} == {"adversarial"}
    assert seen[0].tokens_read == teacher.tokens_read
