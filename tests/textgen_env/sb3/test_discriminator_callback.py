"""The callback shows what the discriminator learns, and drives it where it does not learn by itself."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import stable_baselines3
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from support.games import token_count
from textgen_env import combine
from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.sb3 import DiscriminatorCallback, make_sb3_vec_env, policy_kwargs

SMALL = "TextGen-OracleSmall-v0"


TINY_DISCRIMINATOR: dict[str, Any] = {
    "embedding_size": 8,
    "widths": [1, 2],
    "counts": [4, 4],
    "steps": 1,
    "batch_size": 8,
}
DATA: dict[str, Any] = {"train_size": 50, "test_size": 10}


class Recorded(Logger):
    """A logger that keeps every value."""

    def __init__(self) -> None:
        super().__init__(folder=None, output_formats=[])
        self.values: dict[str, list[float]] = {}

    def record_mean(self, key: str, value: Any, exclude: Any = None) -> None:
        self.values.setdefault(key, []).append(value)


def gan_ppo(name: str = "discriminator", **arguments: Any) -> tuple[Any, Recorded]:
    """PPO on a discriminator, and what it logs."""
    reward = {"name": name, **TINY_DISCRIMINATOR, **arguments}
    envs = VecMonitor(make_sb3_vec_env("TextGen-OracleSmallGAN-v0", 8, reward=reward, **DATA))
    model = stable_baselines3.PPO(
        "MlpPolicy", envs, n_steps=20, batch_size=80, n_epochs=1, policy_kwargs=policy_kwargs(8, 16), device="cpu"
    )
    logger = Recorded()
    model.set_logger(logger)
    return model, logger


@pytest.mark.parametrize("reward_name", ["discriminator", "ranker"])
def test_ppo_trains_against_a_reward_that_learns(reward_name: str) -> None:
    model, logger = gan_ppo(reward_name, update_every=16)
    (reward,) = model.env.get_attr("reward", indices=0)
    model.learn(320, callback=DiscriminatorCallback())
    # 32 texts of 10 tokens.
    assert reward.learner.steps_taken == 2
    assert len(logger.values["discriminator/loss"]) == 2
    assert logger.values["discriminator/loss"][-1] == reward.last_update["loss"]
    assert 0 <= logger.values["discriminator/accuracy"][-1] <= 1


def test_the_callback_makes_a_discriminator_learn() -> None:
    quiet, _ = gan_ppo(auto_update=False)
    quiet.learn(320)
    assert quiet.env.get_attr("reward", indices=0)[0].discriminator.steps_taken == 0

    model, logger = gan_ppo(auto_update=False)
    (reward,) = model.env.get_attr("reward", indices=0)
    seen: list[np.ndarray] = []
    update = reward.update
    reward.update = lambda tokens, lengths: (seen.append(tokens), update(tokens, lengths))[1]
    model.learn(320, callback=DiscriminatorCallback(update_every=12))
    assert [tokens.shape for tokens in seen] == [(12, 10), (12, 10)]
    assert (np.concatenate(seen) < 100).all()
    assert len(logger.values["discriminator/accuracy"]) == 2


def test_the_callback_finds_every_discriminator() -> None:
    settings, data = TINY_DISCRIMINATOR, DATA

    def make() -> gymnasium.Env[Any, Any]:
        reward = combine((1.0, DiscriminatorReward(auto_update=False, **settings)), (0.01, token_count))
        return gymnasium.make(SMALL, reward=reward, **data)

    envs = DummyVecEnv([make, make])
    model = stable_baselines3.A2C("MlpPolicy", envs, n_steps=10, device="cpu")
    model.learn(60, callback=DiscriminatorCallback(update_every=1))
    for reward in envs.get_attr("reward"):
        assert reward.parts[0][1].discriminator.steps_taken == 3
    with pytest.raises(ValueError, match="DiscriminatorCallback needs a reward that learns"):
        stable_baselines3.A2C("MlpPolicy", make_sb3_vec_env(SMALL), device="cpu").learn(5, DiscriminatorCallback())
    with pytest.raises(ValueError, match="update_every=0"):
        DiscriminatorCallback(0)
