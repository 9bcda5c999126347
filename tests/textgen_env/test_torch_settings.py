"""Environments play and learn the same bits whatever torch's global settings are."""

from __future__ import annotations

import hashlib
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

import textgen_env
from support.learned_rewards import REWARDS, SMALL
from support.torch_states import STATES
from textgen_env.models.torch_settings import is_usual, usual_torch

REWARDS_PLAYED: dict[str, Any] = {**REWARDS, "likelihood": "likelihood"}


def played(reward: Any, mode: AutoresetMode = AutoresetMode.SAME_STEP, num_envs: int = 4) -> str:
    """Digest of the rewards of 30 steps, of the texts that end in them, and of what the reward has learned."""
    envs: Any = gym.make_vec("TextGen-Oracle-v0", num_envs=num_envs, reward=reward, autoreset_mode=mode, **SMALL)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    seen = hashlib.sha256()
    for _ in range(30):
        observation, rewards, *_ = envs.step(rng.integers(20, size=num_envs))
        seen.update(rewards.tobytes() + observation.tobytes())
    game = envs.unwrapped
    texts = game.task.test_sequences()
    seen.update(game.score(texts.tokens).tobytes())
    seen.update(game.task.log_prob(texts.tokens, texts.lengths).tobytes())
    for tensor in getattr(game.reward, "state_dict", dict)().values():
        seen.update(tensor.contiguous().numpy().tobytes())
    return seen.hexdigest()


USUAL: dict[str, str] = {}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("reward", REWARDS_PLAYED)
def test_an_environment_does_not_depend_on_torchs_settings(reward: str, state: str) -> None:
    if reward not in USUAL:
        USUAL[reward] = played(REWARDS_PLAYED[reward])
    with STATES[state]():
        assert played(REWARDS_PLAYED[reward]) == USUAL[reward]
    assert is_usual()


@pytest.mark.parametrize("state", ["no_grad", "inference_mode"])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_rollout_without_gradients_teaches_a_discriminator(mode: AutoresetMode, state: str) -> None:
    """As rollout loops have it: made outside, played inside, and played on outside."""
    envs: Any = gym.make_vec(
        "TextGen-OracleGAN-v0", num_envs=4, autoreset_mode=mode, reward=REWARDS["discriminator"], **SMALL
    )
    envs.reset(seed=0)
    for context in (STATES[state], torch.enable_grad):
        before = envs.unwrapped.reward.learner.steps_taken
        with context():
            for _ in range(20):
                envs.step(np.ones(4, int))
        assert envs.unwrapped.reward.learner.steps_taken > before


def test_a_single_environment_learns_without_gradients() -> None:
    env: Any = gym.make("TextGen-OracleGAN-v0", reward={**REWARDS["discriminator"], "update_every": 1}, **SMALL)
    env.reset(seed=0)
    with torch.no_grad():
        for token in range(6):
            env.step(token)
    assert env.unwrapped.reward.learner.steps_taken == 2


@pytest.mark.parametrize("state", STATES)
def test_the_guard_sets_torch_as_it_is_imported_and_puts_it_back(state: str) -> None:
    with STATES[state]():
        assert not is_usual()
        with usual_torch():
            assert is_usual()
            assert torch.ones(2).dtype == torch.float32
            assert torch.nn.Linear(2, 1)(torch.ones(2)).requires_grad
        assert not is_usual()
    assert is_usual()


class Failing(textgen_env.BaseReward):
    """Reward of 1 a text that fails at the end of a text, or in its score, while `fails` says so."""

    name = "failing"

    def __init__(self) -> None:
        self.fails = ""
        self.learned: list[int] = []

    def score(self, tokens: Any, lengths: Any, sources: Any = None) -> Any:
        if self.fails == "score":
            raise RuntimeError("no score")
        return np.ones(len(tokens))

    def episodes_ended(self, tokens: Any, lengths: Any, sources: Any = None) -> None:
        if self.fails == "learning":
            raise RuntimeError("no learning")
        self.learned.extend(lengths.tolist())


def step_of(envs: Any, actions: Any) -> list[Any]:
    observation, rewards, terminated, truncated, infos = envs.step(actions)
    return [observation, rewards, terminated, truncated, [str(text) for text in np.atleast_1d(infos.get("text", ""))]]


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
@pytest.mark.parametrize("fails", ["score", "learning"])
@pytest.mark.parametrize("kind", [*AutoresetMode, "single"])
def test_a_step_that_fails_inside_a_reward_can_be_taken_again(kind: Any, fails: str, reward_mode: str) -> None:
    reward, control = Failing(), Failing()
    made = []
    for each in (reward, control):
        given: dict[str, Any] = {"task": "oracle", "reward": each, "reward_mode": reward_mode, **SMALL}
        one = kind == "single"
        envs = textgen_env.TextGenEnv(**given) if one else textgen_env.TextGenVectorEnv(
            **given, num_envs=3, autoreset_mode=kind
        )  # fmt: skip
        envs.reset(seed=0)
        made.append(envs)
    steps = 6 if kind in ("single", AutoresetMode.DISABLED) else 14
    failures = 0
    for t in range(steps):
        actions = t if kind == "single" else [t, t + 1, t + 2]
        reward.fails = fails
        try:
            found = step_of(made[0], actions)
        except RuntimeError:
            failures += 1
            reward.fails = ""
            found = step_of(made[0], actions)
        reward.fails = ""
        for got, wanted in zip(found, step_of(made[1], actions), strict=True):
            np.testing.assert_equal(got, wanted)
    assert failures > 0
    assert reward.learned == control.learned != []


def test_of_a_sum_none_learns_where_one_fails() -> None:
    failing = Failing()
    parts = [(1.0, REWARDS["discriminator"]), (1.0, REWARDS["ranker"]), (1.0, failing)]
    for broken in ("user", "learner"):
        envs: Any = textgen_env.TextGenVectorEnv("oracle", textgen_env.combine(*parts), num_envs=8, **SMALL)
        envs.reset(seed=0)
        for t in range(5):
            envs.step(np.full(8, t))
        reward = envs.unwrapped.reward
        before = {name: tensor.clone() for name, tensor in reward.state_dict().items()}
        ranker = reward.parts[1][1].learner
        failing.fails = "learning" if broken == "user" else ""
        rate = ranker.optimizer.param_groups[0]["lr"]
        if broken == "learner":
            ranker.optimizer.param_groups[0]["lr"] = float("nan")
        with pytest.raises((RuntimeError, FloatingPointError)):
            envs.step(np.zeros(8, int))
        after = reward.state_dict()
        assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
        failing.fails, ranker.optimizer.param_groups[0]["lr"] = "", rate
        _, _, terminated, *_ = envs.step(np.zeros(8, int))
        assert terminated.all()
        assert ranker.steps_taken == 2
