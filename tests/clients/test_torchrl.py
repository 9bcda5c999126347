"""TorchRL: its PPO, its own ways to make environments, and its masks."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from support.client_scripts import curve
from textgen_env import wrappers

pytest.importorskip("torchrl", reason="torchrl is not installed: make clients makes an environment for it")
pytestmark = pytest.mark.filterwarnings("ignore")
SMALL = {"train_size": 50, "test_size": 10}


def test_ppo_learns_the_oracle() -> None:
    returns = [mean for _, mean in curve("torchrl_ppo", "TextGen-OracleSmall-v0", 16000)]
    # Uniform tokens earn -72.7, with a standard error of 0.7 of a hundred texts.
    assert returns[0] < -66
    assert returns[-1] > -50


def test_ppo_plays_a_game_with_sources() -> None:
    assert len(curve("torchrl_ppo", "TextGen-NumberWords-v0", 1200, 20)) > 1


@pytest.mark.parametrize(
    ("id", "small"), [("TextGen-Captions-v1", SMALL), ("TextGen-NumberWords-v0", {"max_number": 99})]
)
def test_gym_env_plays_an_id(id: str, small: dict[str, Any]) -> None:
    from torchrl.envs import GymEnv

    played = GymEnv(id, **small).rollout(30, break_when_any_done=False)
    assert played["next", "done"].any()


def test_gym_env_plays_many_of_a_game_with_sources() -> None:
    from torchrl.envs import GymEnv

    # Each of its processes imports what stands before the colon.
    envs = GymEnv("textgen_env:TextGen-NumberWords-v0", num_envs=2, max_number=99)
    try:
        assert envs.rollout(30, break_when_any_done=False)["next", "done"].any(1).all()
    finally:
        envs.close()


@pytest.mark.parametrize("mode", ["Disabled", "SameStep"])
def test_a_vector_environment_with_sources_is_wrapped(mode: str) -> None:
    from torchrl.envs import GymWrapper

    envs = gymnasium.make_vec("TextGen-NumberWords-v0", num_envs=3, max_number=99, autoreset_mode=mode)
    played = GymWrapper(envs, categorical_action_encoding=True).rollout(30, break_when_any_done=False)
    assert played["next", "done"].any(1).all()


def test_masks_reach_its_transform() -> None:
    from torchrl.envs import ActionMask, GymWrapper, TransformedEnv

    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=3, min_length=3, autoreset_mode="Disabled")
    masked = wrappers.vector.ActionMaskObservation(envs, dtype=np.bool_)
    env = TransformedEnv(GymWrapper(masked, categorical_action_encoding=True), ActionMask())
    played = env.rollout(60, break_when_any_done=False)
    chosen = played["action_mask"].gather(-1, played["action"].unsqueeze(-1))
    assert chosen.all()
    assert not played["action_mask"].all()
