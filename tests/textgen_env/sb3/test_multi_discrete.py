"""VecMultiDiscrete: source and prefix side by side, at the end of a text too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="Stable-Baselines3 is not installed")

from textgen_env.sb3 import VecMultiDiscrete, make_sb3_vec_env


def both(num_envs: int, **arguments: Any) -> tuple[Any, Any]:
    """The environments as they are, and those that show one row of ids, seeded alike."""
    made = [make_sb3_vec_env("TextGen-NumberWords-v0", num_envs, seed=3, **arguments) for _ in range(2)]
    return made[0], VecMultiDiscrete(made[1])


def test_it_shows_source_and_tokens_side_by_side() -> None:
    plain, flat = both(4, max_number=99)
    source, tokens = (plain.observation_space[key] for key in ("source", "tokens"))
    expected = [*(source.high + 1).tolist(), *(tokens.high + 1).tolist()]
    assert flat.observation_space.nvec.tolist() == expected
    seen, joined = plain.reset(), flat.reset()
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(30):
        np.testing.assert_array_equal(joined, np.concatenate([seen["source"], seen["tokens"]], 1))
        assert all(flat.observation_space.contains(row) for row in joined)
        actions = rng.integers(0, plain.action_space.n, 4)
        seen, rewards, dones, infos = plain.step(actions)
        joined, flat_rewards, flat_dones, flat_infos = flat.step(actions)
        np.testing.assert_array_equal(rewards, flat_rewards)
        np.testing.assert_array_equal(dones, flat_dones)
        for row in np.flatnonzero(dones):
            last = infos[row]["terminal_observation"]
            expected = np.concatenate([last["source"], last["tokens"]])
            np.testing.assert_array_equal(flat_infos[row]["terminal_observation"], expected)
            ended += 1
    assert ended > 4


def test_a_game_without_a_source_shows_its_tokens() -> None:
    flat = VecMultiDiscrete(make_sb3_vec_env("TextGen-Tiny-v0", 2, seed=0))
    assert flat.observation_space.nvec.tolist() == [5] * 5
    np.testing.assert_array_equal(flat.reset(), np.full((2, 5), 4))


def test_numbers_that_are_no_ids_are_refused() -> None:
    import gymnasium
    from stable_baselines3.common.vec_env import DummyVecEnv

    with pytest.raises(TypeError, match="token ids"):
        VecMultiDiscrete(DummyVecEnv([lambda: gymnasium.make("CartPole-v1")]))
