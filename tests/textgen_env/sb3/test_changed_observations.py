"""Observations that a wrapper has changed are refused with what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from textgen_env.sb3 import PrefixFeatures, make_sb3_vec_env, policy_kwargs

SMALL: dict[str, Any] = {"n_steps": 6, "batch_size": 24, "n_epochs": 1, "seed": 0}
OURS = {"train_size": 20, "test_size": 5}


def envs(id: str = "TextGen-Tiny-v0") -> Any:
    return make_sb3_vec_env(id, num_envs=4, seed=0, **({} if "Number" in id else OURS))


@pytest.mark.parametrize("id", ["TextGen-Tiny-v0", "TextGen-OracleSmall-v0"])
def test_normalised_observations_are_refused_with_the_remedy(id: str) -> None:
    with pytest.raises((ValueError, TypeError), match=r"no token id|int64 Box") as refused:
        PPO("MlpPolicy", VecNormalize(envs(id)), policy_kwargs=policy_kwargs(), **SMALL).learn(48)
    assert "VecNormalize(envs, norm_obs=False)" in str(refused.value)


def test_normalised_sources_are_refused() -> None:
    with pytest.raises((ValueError, TypeError), match=r"VecNormalize\(envs, norm_obs=False\)"):
        PPO(
            "MultiInputPolicy",
            VecNormalize(envs("TextGen-NumberWords-v0")),
            policy_kwargs=policy_kwargs(),
            **SMALL,
        ).learn(48)


def test_normalised_rewards_are_welcome() -> None:
    PPO("MlpPolicy", VecNormalize(envs(), norm_obs=False), policy_kwargs=policy_kwargs(), **SMALL).learn(24)


def test_stacked_observations_are_refused() -> None:
    with pytest.raises((ValueError, TypeError), match="scale or stack observations"):
        PPO("MlpPolicy", VecFrameStack(envs(), 2), policy_kwargs=policy_kwargs(), **SMALL).learn(24)


@pytest.mark.parametrize("value", [-1.0, 5.0, 0.5, float("nan"), float("inf"), -0.25])
def test_a_value_that_is_no_id_is_named(value: float) -> None:
    features = PrefixFeatures(envs().observation_space)
    seen = torch.full((3, 5), 4.0)
    seen[1, 2] = value
    with pytest.raises(ValueError, match=f"observations hold {value:g}, which is no token id, 0 to 4"):
        features(seen)


def test_ids_in_any_type_are_read_alike() -> None:
    features = PrefixFeatures(envs().observation_space)
    seen = torch.tensor([[1, 2, 4, 4, 4], [0, 1, 2, 3, 4]])
    for kind in (torch.float32, torch.float64, torch.int32, torch.uint8):
        assert torch.equal(features(seen.to(kind)), features(seen))
