"""`mask_penalty`: a masked token ends its text at a price, the same in every view."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.data.episodes import evaluate
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from support.games import share_of_a
from textgen_env import BaseTask, TextGenEnv, TextGenVectorEnv, Vocabulary
from textgen_env.sb3 import make_sb3_vec_env

GAME: dict[str, Any] = {"task": "tiny", "reward": "table", "min_length": 3, "mask_penalty": 2.5}


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_a_masked_token_ends_the_text_and_costs_the_penalty(reward_mode: Any) -> None:
    env = TextGenEnv(**GAME, reward_mode=reward_mode)
    env.reset(seed=0)
    assert not env.action_masks()[0]
    earned = env.step(2)[1]
    observation, reward, terminated, truncated, info = env.step(0)
    assert (terminated, truncated) == (True, False)
    assert observation.tolist() == info["tokens"].tolist() == [2, 0, 4, 4, 4]
    assert (info["length"], info["stop"]) == (2, "masked")
    score = env.score([[2, 0]])[0]
    assert earned + reward == pytest.approx(score - 2.5)
    assert info["reward_terms"]["table"] == pytest.approx(score)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(1)


def test_texts_that_break_no_mask_are_as_without() -> None:
    with_penalty, without = TextGenEnv(**GAME), TextGenEnv(**GAME | {"mask_penalty": None})
    for text in ([1, 2, 3, 0], [1, 1, 1, 1, 1]):
        assert with_penalty.reset(seed=0)[0].tolist() == without.reset(seed=0)[0].tolist()
        for token in text:
            one, other = with_penalty.step(token), without.step(token)
            assert one[1:4] == other[1:4]
        assert one[4]["stop"] == other[4]["stop"] != "masked"


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_rows_play_as_single_environments(mode: AutoresetMode, reward_mode: Any) -> None:
    ours = TextGenVectorEnv(**GAME, num_envs=4, reward_mode=reward_mode, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: TextGenEnv(**GAME, reward_mode=reward_mode)] * 4, autoreset_mode=mode)
    ours.reset(seed=1)
    theirs.reset(seed=1)
    rng, stops = np.random.default_rng(0), []
    for _ in range(40):
        actions = rng.integers(0, 4, 4)
        one, other = ours.step(actions), theirs.step(actions)
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_allclose(one[1], other[1], atol=1e-12)
        np.testing.assert_array_equal(one[2], other[2])
        mine, its = (infos.get("final_info", infos) for infos in (one[4], other[4]))
        assert ("stop" in mine) == ("stop" in its)
        if "stop" in mine:
            assert mine["stop"].tolist() == its["stop"].tolist()
            assert mine["text"].tolist() == its["text"].tolist()
            stops += [stop for stop in mine["stop"].tolist() if stop is not None]
        if mode is AutoresetMode.DISABLED and one[2].any():
            for envs in (ours, theirs):
                envs.reset(options={"reset_mask": one[2].copy()})
    assert {"masked", "length"} <= set(stops)


def test_stable_baselines3s_view_says_the_same() -> None:
    envs = make_sb3_vec_env("TextGen-Tiny-v0", num_envs=2, seed=0, min_length=3, mask_penalty=2.5)
    envs.reset()
    _, rewards, dones, infos = envs.step(np.array([0, 1]))
    assert dones.tolist() == [True, False]
    assert infos[0]["stop"] == "masked"
    assert rewards[0] == pytest.approx(float(envs.score([[0]])[0]) - 2.5, abs=1e-6)


def test_an_id_takes_it_and_its_spec_tells_it() -> None:
    env = gymnasium.make("TextGen-Captions-v1", min_length=2, mask_penalty=1.0, train_size=50, test_size=10)
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    end = again.unwrapped.task.vocabulary.eos_id
    again.reset(seed=0)
    _, reward, terminated, _, info = again.step(end)
    assert (terminated, info["stop"], info["text"]) == (True, "masked", "")
    assert reward == pytest.approx(again.unwrapped.score([[end]])[0] - 1.0)
    check_env(again.unwrapped, skip_render_check=True)
    assert "mask_penalty" in TextGenEnv.__doc__


def test_an_agent_that_knows_masks_never_pays() -> None:
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=16, min_length=3, mask_penalty=2.5)
    agent = Reinforce(envs, ReinforceConfig(embedding_size=4, hidden_size=4), seed=0)
    assert (evaluate(agent.predict, envs, episodes=64, seed=0, masked=True).texts.lengths > 3).all()
    assert (evaluate(agent.predict, envs, episodes=64, seed=0).texts.lengths <= 3).any()


class DeadEnd(BaseTask):
    """Leaves no token after the first."""

    vocabulary, max_length = Vocabulary(["a", "b"], eos=None), 3

    def allowed_tokens(self, tokens: Any, lengths: Any) -> Any:
        return np.repeat((lengths == 0)[:, None], 2, 1)


def test_a_task_that_leaves_no_token_is_still_refused() -> None:
    env = TextGenEnv(DeadEnd(), share_of_a, mask_penalty=1.0)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ValueError, match="leaves no token after"):
        env.step(1)


@pytest.mark.parametrize(
    ("given", "kind"), [(-1.0, ValueError), (np.inf, ValueError), (np.nan, ValueError), ("1", TypeError)]
)
def test_a_penalty_that_is_none_is_refused(given: Any, kind: Any) -> None:
    with pytest.raises(kind, match="mask_penalty"):
        TextGenEnv(**GAME | {"mask_penalty": given})


def test_without_a_penalty_the_error_names_it() -> None:
    env = TextGenEnv(**GAME | {"mask_penalty": None})
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match="mask_penalty"):
        env.step(0)


def test_games_of_other_penalties_do_not_share_snapshots() -> None:
    one, other = TextGenEnv(**GAME), TextGenEnv(**GAME | {"mask_penalty": None})
    one.reset(seed=0)
    other.reset(seed=0)
    with pytest.raises(ValueError, match="mask_penalty"):
        other.restore(one.snapshot())
