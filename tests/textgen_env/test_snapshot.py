"""A snapshot is the whole state of a row: after `restore`, the same tokens lead to the same end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from textgen_env import TextGenEnv, TextGenVectorEnv, combine
from textgen_env.rewards.likelihood import LikelihoodReward

ORACLE: dict[str, Any] = {"vocab_size": 30, "max_length": 6, "train_size": 20, "test_size": 20}
Plain = Callable[[Any], Any]


def branch(env: Any, seed: int) -> list[Any]:
    """Plays on to the end with random tokens, and then another text."""
    rng = np.random.default_rng(seed)
    seen: list[Any] = []
    for _ in range(2):
        terminated = False
        while not terminated:
            observation, reward, terminated, _, info = env.step(int(rng.integers(env.action_space.n)))
            seen.append([observation, reward, info])
        seen.append(env.reset())
    return seen


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_branches_from_one_state_are_equal(
    env_id: str, small_kwargs: dict[str, Any], reward_mode: str, plain: Plain
) -> None:
    env = gymnasium.make(env_id, reward_mode=reward_mode, **small_kwargs)
    env.reset(seed=1)
    for token in (2, 1):
        env.step(token)
    state = env.unwrapped.snapshot()
    before = plain(state)
    first = plain(branch(env, seed=0))
    assert plain(branch(env, seed=4)) != first
    env.unwrapped.restore(state)
    assert plain(env.unwrapped.snapshot()) == before
    assert plain(branch(env, seed=0)) == first
    assert plain(state) == before


def test_a_snapshot_moves_to_another_environment(env_id: str, small_kwargs: dict[str, Any], plain: Plain) -> None:
    env, other = (gymnasium.make(env_id, **small_kwargs) for _ in range(2))
    env.reset(seed=1)
    env.step(2)
    state = env.unwrapped.snapshot()
    other.unwrapped.restore(state)
    assert plain(branch(other, seed=0)) == plain(branch(env, seed=0))


def test_an_ended_text_is_restored_as_ended() -> None:
    env = TextGenEnv("tiny", "table")
    env.reset(seed=0)
    env.step(0)
    state = env.snapshot()
    env.reset()
    env.restore(state)
    with pytest.raises(gymnasium.error.ResetNeeded, match="row 0 has ended"):
        env.step(1)


def test_a_game_not_begun_is_restored_as_not_begun() -> None:
    env = TextGenEnv("oracle", "likelihood", **ORACLE)
    state = env.snapshot()
    env.reset(seed=0)
    env.step(1)
    env.restore(state)
    with pytest.raises(gymnasium.error.ResetNeeded, match="row 0 has not begun"):
        env.step(1)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_a_vector_env_comes_back(env_id: str, small_kwargs: dict[str, Any], mode: str, plain: Plain) -> None:
    envs = gymnasium.make_vec(env_id, num_envs=3, reward_mode="dense", autoreset_mode=mode, **small_kwargs).unwrapped
    rng = np.random.default_rng(0)
    steps = envs.task.max_length + 1
    if mode == "Disabled":
        steps -= 2
    actions = rng.integers(1, envs.single_action_space.n, size=(steps, 3))
    envs.reset(seed=0)
    if envs.task.vocabulary.eos_id is not None and mode == "NextStep":
        # A row that waits for its reset.
        envs.step([1, envs.task.vocabulary.eos_id, 1])
    else:
        envs.step([1, 1, 1])
    state = envs.snapshot()
    first = [plain(envs.step(row)) for row in actions]
    envs.restore(state)
    assert [plain(envs.step(row)) for row in actions] == first


def test_rows_are_restored_alone(echo_task: Any, plain: Plain) -> None:
    envs = TextGenVectorEnv("oracle", "likelihood", num_envs=4, **ORACLE)
    envs.reset(seed=0)
    envs.step([1, 2, 3, 4])
    state = envs.snapshot([3, 1])
    assert state.tokens[:, 0].tolist() == [4, 2]
    envs.step([5, 6, 7, 8])
    kept = plain(envs.snapshot([0, 2]))
    envs.restore(state, [3, 1])
    assert envs.core.tokens[:, :3].tolist() == [[1, 5, 30], [2, 30, 30], [3, 7, 30], [4, 30, 30]]
    assert plain(envs.snapshot([0, 2])) == kept
    # The reward's state went with its rows.
    _, rewards, *_ = envs.step([9, 9, 9, 9])
    scores = envs.score([[1, 5, 9], [2, 9, 30], [3, 7, 9], [4, 9, 30]])
    before = envs.score([[1, 5, 30], [2, 30, 30], [3, 7, 30], [4, 30, 30]])
    assert rewards == pytest.approx(scores - before, rel=1e-5, abs=1e-5)


def test_one_row_is_copied_to_all(echo_task: Any) -> None:
    """Roll-outs from one prefix: Monte Carlo search needs no more than this."""
    single = TextGenEnv("oracle", "likelihood", **ORACLE)
    single.reset(seed=0)
    for token in (3, 1, 4):
        single.step(token)
    envs = TextGenVectorEnv("oracle", "likelihood", num_envs=5, **ORACLE)
    envs.restore(single.snapshot())
    observations, rewards, *_ = envs.step(np.arange(5))
    assert observations[:, :4].tolist() == [[3, 1, 4, i] for i in range(5)]
    for token in range(5):
        state = single.snapshot()
        assert rewards[token] == pytest.approx(single.step(token)[1], rel=1e-5, abs=1e-5)
        single.restore(state)
    envs.restore(envs.snapshot([2]), [0, 4])
    assert envs.core.tokens[:, 3].tolist() == [2, 1, 2, 3, 2]


def test_the_source_and_its_generator_are_part_of_the_state(echo_task: Any) -> None:
    env = TextGenEnv(echo_task, lambda tokens, lengths, sources: lengths)
    env.reset(seed=2)
    state = env.snapshot()
    drawn = [env.reset()[1]["source_row"] for _ in range(8)]
    env.restore(state)
    assert [env.reset()[1]["source_row"] for _ in range(8)] == drawn
    # The generator is still the environment's own.
    env.restore(state)
    env.np_random.random()
    assert [env.reset()[1]["source_row"] for _ in range(8)] != drawn


def test_the_state_of_combined_rewards_is_kept_for_each_part(plain: Plain) -> None:
    reward = combine(
        (1.0, LikelihoodReward()),
        (0.5, lambda tokens, lengths, sources: lengths),
        (2.0, combine((1.0, LikelihoodReward()))),
    )
    env = TextGenEnv("oracle", reward, reward_mode="dense", **ORACLE)
    env.reset(seed=0)
    env.step(1)
    state = env.snapshot()
    first = plain(branch(env, seed=0))
    env.restore(state)
    assert plain(branch(env, seed=0)) == first


def test_a_snapshot_does_not_change_when_the_game_goes_on(plain: Plain) -> None:
    envs = TextGenVectorEnv("oracle", "likelihood", num_envs=2, **ORACLE)
    envs.reset(seed=0)
    envs.step([1, 2])
    state = envs.snapshot()
    before = plain(state)
    for _ in range(3):
        envs.step([3, 4])
    assert plain(state) == before


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"vocab_size": 31}, "of 31 tokens"),
        ({"max_length": 7}, "max_length=7"),
        ({"reward": "bleu"}, "reward 'bleu'"),
        ({"reward_mode": "terminal"}, "reward_mode='terminal'"),
        ({"task": "tiny", "reward": "table"}, "TinyTask"),
        ({"seed": 1}, r"\(task.seed=1\)"),
        ({"train_size": 21}, r"\(task.train_size=21\)"),
        (
            {"reward": combine((1.0, LikelihoodReward()), (0.5, LikelihoodReward()))},
            r"\(reward.0.weight=1.0, reward.1.weight=0.5\); this",
        ),
    ],
)
def test_snapshots_of_another_game_are_refused(other: dict[str, Any], difference: str, plain: Plain) -> None:
    env = TextGenEnv("oracle", "likelihood", **ORACLE)
    env.reset(seed=0)
    env.step(1)
    before = plain(env.snapshot())
    kwargs = {"task": "oracle", "reward": "likelihood"} | ({} if other.get("task") == "tiny" else ORACLE) | other
    stranger = TextGenEnv(**kwargs)
    stranger.reset(seed=0)
    with pytest.raises(ValueError, match=f"state was taken from another game, .*{difference}.* one is .*of 30"):
        env.restore(stranger.snapshot())
    assert plain(env.snapshot()) == before


def test_snapshots_of_other_rules_are_refused() -> None:
    env, later = (TextGenEnv("tiny", "table", min_length=length) for length in (0, 2))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"another game, .* \(min_length=0\); this one is .* \(min_length=2\)"):
        later.restore(env.snapshot())


def test_what_is_no_snapshot_is_refused() -> None:
    env = TextGenEnv("tiny", "table")
    env.reset(seed=0)
    for state in (None, {}, env.snapshot().tokens):
        with pytest.raises(TypeError, match=r"state=.* must be what snapshot\(\) returned, got"):
            env.restore(state)


def test_another_number_of_rows_is_refused() -> None:
    envs = TextGenVectorEnv("tiny", "table", num_envs=3)
    envs.reset(seed=0)
    two = envs.snapshot([0, 1])
    with pytest.raises(ValueError, match="state holds 2 rows; expected 3, or 1 for all of them"):
        envs.restore(two)
    with pytest.raises(ValueError, match="state holds 2 rows; expected 1"):
        envs.restore(two, [2])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([3], ValueError, r"rows=\[3\] must be an array \(K,\) of row numbers, 0 to 2"),
        ([-1], ValueError, r"rows=\[-1\] must be"),
        ([], ValueError, r"rows=\[\] must be"),
        ([[0]], ValueError, r"rows=\[\[0\]\] must be"),
        (1, ValueError, r"rows=1 must be"),
        ([0, 0], ValueError, r"rows=\[0, 0\] names a row twice"),
        ([True, False, True], TypeError, r"rows=\[True, False, True\] has type bool"),
        ([0.0], TypeError, r"rows=\[0.0\] has type float64"),
    ],
)
def test_bad_rows_are_refused(rows: Any, error: type[Exception], message: str) -> None:
    envs = TextGenVectorEnv("tiny", "table", num_envs=3)
    envs.reset(seed=0)
    state = envs.snapshot([0])
    with pytest.raises(error, match=message):
        envs.snapshot(rows)
    with pytest.raises(error, match=message):
        envs.restore(state, rows)
