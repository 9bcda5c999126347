"""Stable-Baselines3 plays the same game, and its algorithms train on it unmodified."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import sb3_contrib
import stable_baselines3
import torch
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize
from stable_baselines3.common.vec_env.base_vec_env import tile_images

from textgen_env import TABLE, TextGenEnv
from textgen_env.rewards.combine import combine
from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.sb3 import DiscriminatorCallback, PrefixFeatures, TextGenVecEnv, make_sb3_vec_env, policy_kwargs

SMALL = "TextGen-OracleSmall-v0"
ROWS = 3
# A matrix product of one row rounds otherwise than one of N rows.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
TINY_DISCRIMINATOR: dict[str, Any] = {
    "d_embedding_size": 8,
    "d_widths": [1, 2],
    "d_counts": [4, 4],
    "d_steps": 1,
    "d_batch_size": 8,
    "train_size": 50,
    "test_size": 10,
}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Networks this small are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def token_count(tokens: np.ndarray, lengths: np.ndarray, sources: object = None) -> np.ndarray:
    """A reward: the sum of the token ids."""
    return np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, 0).sum(1).astype(float)


def assert_same(ours: Any, theirs: Any) -> None:
    """Equal in structure, shapes, dtypes and values; floats to `TOLERANCE`."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    elif isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


def assert_plays_alike(ours: TextGenVecEnv, theirs: DummyVecEnv, steps: int) -> None:
    """Both are seeded with 5 and play the same random tokens, an end token every fourth time."""
    assert ours.num_envs == theirs.num_envs == ROWS
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata == theirs.metadata
    assert ours.seed(5) == theirs.seed(5)
    assert_same(ours.reset(), theirs.reset())
    assert_same(ours.reset_infos, theirs.reset_infos)
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(steps):
        masks = np.stack(theirs.env_method("action_masks"))
        assert_same(np.stack(ours.env_method("action_masks")), masks)
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        actions = np.where(masks[:, 0] & (rng.random(ROWS) < 0.25), 0, actions)
        assert_same(ours.step(actions), theirs.step(actions))
        assert_same(ours.reset_infos, theirs.reset_infos)
        ended += ours.core.tokens[:, 0].tolist().count(ours.core.vocab_size)
    assert ended >= 2 * ROWS


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_rows_play_as_sb3s_own_vector_of_single_envs(
    env_id: str, small_kwargs: dict[str, Any], reward_mode: str
) -> None:
    kwargs = small_kwargs | {"reward_mode": reward_mode}
    ours = make_sb3_vec_env(env_id, ROWS, **kwargs)
    theirs = DummyVecEnv([lambda: gymnasium.make(env_id, **kwargs)] * ROWS)
    assert_plays_alike(ours, theirs, 3 * ours.core.horizon)


@pytest.mark.parametrize("name", ["echo_task", "no_repeat_task"])
@pytest.mark.parametrize("min_length", [0, 2])
def test_sources_and_masks_play_alike(name: str, min_length: int, request: pytest.FixtureRequest) -> None:
    task = request.getfixturevalue(name)
    kwargs: dict[str, Any] = {"reward_mode": "dense", "min_length": min_length}
    theirs = DummyVecEnv([lambda: TextGenEnv(task, token_count, **kwargs)] * ROWS)
    assert_plays_alike(TextGenVecEnv(task, token_count, ROWS, **kwargs), theirs, 40)


def test_what_a_step_returned_stays_as_it_was() -> None:
    envs = make_sb3_vec_env(SMALL, 2)
    first = envs.reset()
    assert isinstance(first, np.ndarray)
    kept = [(first, first.copy())]
    for token in range(25):
        observations, rewards, dones, infos = envs.step(np.array([token, token + 1]))
        assert isinstance(observations, np.ndarray)
        for array in (observations, rewards, dones, *(i["tokens"] for i in infos if "tokens" in i)):
            kept.append((array, array.copy()))
        infos[0]["mine"] = True
    for array, copied in kept:
        np.testing.assert_array_equal(array, copied)
    assert "mine" not in envs.step(np.array([0, 0]))[3][0]


def test_vec_monitor_reports_episodes(tmp_path: Path) -> None:
    envs = VecMonitor(make_sb3_vec_env(SMALL, 2, seed=0), str(tmp_path / "log"))
    envs.reset()
    returns = np.zeros(2)
    for token in range(10):
        _, rewards, dones, infos = envs.step(np.array([token, 2 * token]))
        returns += rewards
    assert dones.all()
    np.testing.assert_allclose([info["episode"]["r"] for info in infos], returns, rtol=1e-5)
    assert [info["episode"]["l"] for info in infos] == [10, 10]
    envs.close()
    assert SMALL in (tmp_path / "log.monitor.csv").read_text(encoding="utf-8")


def test_masks_reach_sb3_contrib(no_repeat_task: Any) -> None:
    envs = TextGenVecEnv(no_repeat_task, token_count, ROWS)
    envs.reset()
    assert is_masking_supported(envs)
    assert is_masking_supported(VecMonitor(envs))
    envs.step(np.array([1, 1, 1]))
    envs.step(np.array([2, 3, 0]))
    expected = np.array([[1, 1, 0, 1], [1, 1, 1, 0], [0, 1, 0, 0]], bool)
    np.testing.assert_array_equal(get_action_masks(envs), expected)
    np.testing.assert_array_equal(envs.env_method("action_masks", indices=[2, 0]), expected[[2, 0]])
    np.testing.assert_array_equal(envs.env_method("action_masks", indices=1), expected[[1]])
    np.testing.assert_array_equal(envs.rows[1].action_masks(), expected[1])
    # A masked token would be refused.
    model = sb3_contrib.MaskablePPO("MlpPolicy", envs, n_steps=16, batch_size=16, n_epochs=1, device="cpu")
    model.learn(96)


def test_attributes_and_methods_of_rows() -> None:
    envs = make_sb3_vec_env(SMALL, ROWS, seed=0)
    envs.reset()
    assert [task.max_length for task in envs.get_attr("task")] == [10] * ROWS
    assert envs.get_attr("reward", indices=0)[0] is envs.core.reward
    assert {spec.id for spec in envs.get_attr("spec", indices=range(2))} == {SMALL}
    assert envs.get_attr("render_mode") == [None] * ROWS
    assert envs.get_attr("observation_space")[0] == envs.observation_space
    assert envs.env_method("render") == [None] * ROWS
    assert envs.env_is_wrapped(Monitor) == [False] * ROWS
    assert envs.env_is_wrapped(Monitor, indices=[1]) == [False]
    envs.set_attr("note", "mine", indices=[1])
    assert envs.get_attr("note", indices=[1]) == ["mine"]
    assert envs.has_attr("score")
    assert not envs.has_attr("note")
    assert not envs.has_attr("nothing")
    with pytest.raises(AttributeError, match="reward"):
        envs.set_attr("reward", None)
    (state,) = envs.env_method("snapshot", indices=0)
    envs.step(np.array([1, 2, 3]))
    envs.env_method("restore", state, indices=[1])
    assert envs.core.lengths.tolist() == [1, 0, 1]
    texts = np.full((2, 10), 3)
    (scores,) = envs.env_method("score", texts, indices=2)
    np.testing.assert_array_equal(scores, envs.core.score(texts))
    assert envs.get_attr("np_random")[0] is envs.core.generators[0]


def test_seeds_and_options_are_used_once(echo_task: Any) -> None:
    envs = TextGenVecEnv(echo_task, token_count, 8)

    def sources() -> list[int]:
        envs.reset()
        return [info["source"] for info in envs.reset_infos]

    envs.seed(3)
    first, second = sources(), sources()
    envs.seed(3)
    assert (sources(), sources()) == (first, second)
    assert first != second
    envs.seed(4)
    assert sources()[:-1] == first[1:]
    assert all(isinstance(seed, int) for seed in envs.seed())
    other = sources()
    envs.seed(None)
    assert sources() != other or sources() != other

    options: list[dict[str, Any]] = [{"source": 5}, {"prefix": [1, 2]}, *[{} for _ in range(6)]]
    envs.set_options(options)
    observations = envs.reset()
    assert isinstance(observations, dict)
    assert envs.reset_infos[0] == {"source": 5}
    assert observations["tokens"][1].tolist() == [1, 2, 4, 4]
    assert (observations["tokens"][2:] == 4).all()
    envs.set_options({"prefix": [3]})
    assert envs.reset()["tokens"][:, 0].tolist() == [3] * 8  # type: ignore[index, call-overload]
    assert (envs.reset()["tokens"] == 4).all()  # type: ignore[index, call-overload]


def test_bad_input_is_named_and_changes_nothing(echo_task: Any, plain: Callable[[Any], Any]) -> None:
    with pytest.raises(gymnasium.error.NameNotFound, match="TextGen-Nothing"):
        make_sb3_vec_env("TextGen-Nothing-v0")
    with pytest.raises(ValueError, match="id='CartPole-v1' must name a TextGenEnv"):
        make_sb3_vec_env("CartPole-v1")
    with pytest.raises(TypeError, match="unknown argument vocab='x'"):
        make_sb3_vec_env(SMALL, vocab="x")
    with pytest.raises(ValueError, match="num_envs=0"):
        make_sb3_vec_env(SMALL, 0)
    with pytest.raises(ValueError, match="render_mode='video'"):
        make_sb3_vec_env(SMALL, render_mode="video")
    with pytest.raises(ValueError, match="seed=-1"):
        make_sb3_vec_env(SMALL, seed=-1)
    with pytest.raises(ResetNeeded, match="call reset"):
        make_sb3_vec_env(SMALL).step(np.array([0]))

    envs = TextGenVecEnv(echo_task, token_count, 2)
    envs.seed(0)
    envs.reset()
    envs.step(np.array([1, 2]))
    before = plain(envs.core.snapshot())
    for actions in ([0, 4], [0], [[0], [0]], [0.0, 1.0]):
        with pytest.raises(InvalidAction):
            envs.step(np.array(actions))
    with pytest.raises(ValueError, match="options\\['sauce'\\]"):
        envs.set_options({"sauce": 1})
    with pytest.raises(ValueError, match="options has 1 entries, expected num_envs=2"):
        envs.set_options([{"source": 1}])
    envs.seed(9)
    envs.set_options([{"source": 1}, {"source": 10_000}])
    with pytest.raises(ValueError, match="10000"):
        envs.reset()
    assert plain(envs.core.snapshot()) == before


def test_a_failed_import_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("textgen_env.sb3")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(ImportError, match=r'pip install "textgen-env\[sb3\]"'):
        importlib.import_module("textgen_env.sb3")


def test_rendering(capsys: pytest.CaptureFixture[str]) -> None:
    images = make_sb3_vec_env(SMALL, 2, render_mode="rgb_array")
    images.reset()
    images.step(np.array([1, 2]))
    frames = images.get_images()
    assert frames[0] is not None
    assert (frames[0] != frames[1]).any()
    np.testing.assert_array_equal(images.render(), tile_images(frames))  # type: ignore[arg-type]

    printed = make_sb3_vec_env(SMALL, 2, render_mode="human")
    printed.reset()
    assert capsys.readouterr().out.count("token 0 of 10") == 2
    printed.step(np.array([41, 42]))
    assert "text:   41 _" in capsys.readouterr().out
    assert printed.get_images() == [None, None]
    assert "text:   42 _" in make_and_read("ansi")[1]


def make_and_read(mode: str) -> list[Any]:
    """What the rows show after the tokens 41 and 42."""
    envs = make_sb3_vec_env(SMALL, 2, render_mode=mode)
    envs.reset()
    envs.step(np.array([41, 42]))
    return envs.env_method("render")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_sb3_accepts_every_id(row: Any) -> None:
    """Warnings are errors here; the data alone are cut down, to be quick."""
    kwargs = {"train_size": 50, "test_size": 10} if row.task == "oracle" else {}
    check_env(gymnasium.make(row.id, **kwargs), warn=True)


def features_one_by_one(extractor: PrefixFeatures, name: str, ids: list[int], state: Any = None) -> Any:
    """The GRU's state after `ids`, read alone; a blank where there are none."""
    reader = extractor.readers[name]
    tokens = torch.tensor(ids or [reader.blank])
    return reader.rnn(reader.embedding(tokens).unsqueeze(1), state)[1]


@pytest.mark.parametrize("lengths", [[0, 0, 0], [3, 3, 3], [0, 5, 2], [5, 1, 0]])
def test_features_are_the_state_after_the_prefix(lengths: list[int]) -> None:
    space = spaces.Box(0, 7, (5,), np.int64)
    extractor = PrefixFeatures(space, embedding_size=4, hidden_size=6)
    assert extractor.features_dim == 6
    rng = np.random.default_rng(0)
    prefixes = [rng.integers(7, size=length).tolist() for length in lengths]
    padded = torch.tensor([[*prefix, *[7] * (5 - len(prefix))] for prefix in prefixes])
    features = extractor(padded.float())
    assert features.shape == (3, 6)
    alone = torch.cat([features_one_by_one(extractor, "tokens", prefix)[0] for prefix in prefixes])
    torch.testing.assert_close(features, alone)
    torch.testing.assert_close(extractor(padded.int()), features)
    features.sum().backward()
    assert all(parameter.grad is not None for parameter in extractor.parameters())


def test_features_go_on_from_the_source() -> None:
    space = spaces.Dict(source=spaces.Box(0, 3, (2,), np.int64), tokens=spaces.Box(0, 7, (4,), np.int64))
    extractor = PrefixFeatures(space, 4, 6)
    sources, prefixes = [[1, 2], [0], [2]], [[], [1, 5, 6], [4]]
    features = extractor(
        {
            "source": torch.tensor([[*source, *[3] * (2 - len(source))] for source in sources]).float(),
            "tokens": torch.tensor([[*prefix, *[7] * (4 - len(prefix))] for prefix in prefixes]).float(),
        }
    )
    for source, prefix, feature in zip(sources, prefixes, features, strict=True):
        state = features_one_by_one(extractor, "source", source)
        torch.testing.assert_close(feature, features_one_by_one(extractor, "tokens", prefix, state)[0, 0])
    assert len(set(map(tuple, features.tolist()))) == 3


def test_features_refuse_other_spaces() -> None:
    tokens = spaces.Box(0, 7, (5,), np.int64)
    for space in (spaces.Discrete(3), spaces.Box(0, 1, (5,), np.float32), spaces.Box(0, 7, (5, 2), np.int64)):
        with pytest.raises(TypeError, match="observation_space"):
            PrefixFeatures(space)
    with pytest.raises(TypeError, match="must be Box"):
        PrefixFeatures(spaces.Dict(source=tokens, prefix=tokens))
    with pytest.raises(ValueError, match="float32"):
        PrefixFeatures(spaces.Box(0, 2**24, (5,), np.int64))
    with pytest.raises(ValueError, match="hidden_size=0"):
        PrefixFeatures(tokens, hidden_size=0)


ON_POLICY: dict[str, Any] = {"n_steps": 8}
OFF_POLICY: dict[str, Any] = {"learning_starts": 32, "buffer_size": 500, "batch_size": 16}
ALGORITHMS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "PPO": (stable_baselines3.PPO, "MlpPolicy", ON_POLICY | {"n_epochs": 1}),
    "A2C": (stable_baselines3.A2C, "MlpPolicy", ON_POLICY),
    "DQN": (stable_baselines3.DQN, "MlpPolicy", OFF_POLICY),
    "MaskablePPO": (sb3_contrib.MaskablePPO, "MlpPolicy", ON_POLICY | {"n_epochs": 1}),
    "RecurrentPPO": (sb3_contrib.RecurrentPPO, "MlpLstmPolicy", ON_POLICY | {"n_epochs": 1}),
    "QRDQN": (sb3_contrib.QRDQN, "MlpPolicy", OFF_POLICY),
    "TRPO": (sb3_contrib.TRPO, "MlpPolicy", {"n_steps": 16}),
}


@pytest.mark.parametrize("id", [SMALL, "TextGen-Captions-v0"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithms_train_unmodified(name: str, id: str) -> None:
    algorithm, policy, settings = ALGORITHMS[name]
    envs = VecMonitor(make_sb3_vec_env(id, 8, seed=0))
    model = algorithm(policy, envs, seed=0, device="cpu", policy_kwargs=policy_kwargs(8, 16, [16]), **settings)
    before = [parameter.clone() for parameter in model.policy.parameters()]
    model.learn(384)
    assert model.num_timesteps >= 384
    assert len(model.ep_info_buffer) > 0
    after = list(model.policy.parameters())
    assert any((one != other).any() for one, other in zip(before, after, strict=True))
    assert all(parameter.isfinite().all() for parameter in after)
    action, _ = model.predict(envs.reset(), deterministic=True)
    assert action.shape == (8,)


def test_ppo_reads_sources() -> None:
    envs = VecMonitor(make_sb3_vec_env("TextGen-NumberWords-v0", 8, seed=0))
    kwargs = policy_kwargs(8, 16, {"pi": [], "vf": [16]})
    model = stable_baselines3.PPO("MultiInputPolicy", envs, n_steps=8, batch_size=64, n_epochs=2, policy_kwargs=kwargs)
    model.learn(256)
    assert model.num_timesteps == 256


@pytest.mark.parametrize("id", [SMALL, "TextGen-Tiny-v0"])
def test_ppo_needs_nothing_else(id: str) -> None:
    stable_baselines3.PPO("MlpPolicy", gymnasium.make(id), n_steps=64, n_epochs=1, device="cpu").learn(64)


def test_a_model_is_saved_and_loaded(tmp_path: Path) -> None:
    envs = make_sb3_vec_env(SMALL, 4, seed=0)
    model = stable_baselines3.A2C("MlpPolicy", envs, seed=0, policy_kwargs=policy_kwargs(8, 16), device="cpu")
    model.learn(40)
    model.save(tmp_path / "model.zip")
    again = stable_baselines3.A2C.load(tmp_path / "model.zip", envs, device="cpu")
    assert isinstance(again.policy.features_extractor, PrefixFeatures)
    observations = envs.reset()
    np.testing.assert_array_equal(
        model.predict(observations, deterministic=True)[0], again.predict(observations, deterministic=True)[0]
    )


class Recorded(Logger):
    """A logger that keeps every value."""

    def __init__(self) -> None:
        super().__init__(folder=None, output_formats=[])
        self.values: dict[str, list[float]] = {}

    def record_mean(self, key: str, value: Any, exclude: Any = None) -> None:
        self.values.setdefault(key, []).append(value)


def gan_ppo(**kwargs: Any) -> tuple[Any, Recorded]:
    """PPO on a discriminator, and what it logs."""
    envs = VecMonitor(make_sb3_vec_env("TextGen-OracleSmallGAN-v0", 8, **{**TINY_DISCRIMINATOR, **kwargs}))
    model = stable_baselines3.PPO(
        "MlpPolicy", envs, n_steps=20, batch_size=80, n_epochs=1, policy_kwargs=policy_kwargs(8, 16), device="cpu"
    )
    logger = Recorded()
    model.set_logger(logger)
    return model, logger


def test_ppo_trains_against_a_learning_discriminator() -> None:
    model, logger = gan_ppo(update_every=16)
    (reward,) = model.env.get_attr("reward", indices=0)
    model.learn(320, callback=DiscriminatorCallback())
    # 32 texts of 10 tokens.
    assert reward.discriminator.steps_taken == 2
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
    settings = {key: value for key, value in TINY_DISCRIMINATOR.items() if key.startswith("d_")}
    data = {"train_size": 50, "test_size": 10}

    def make() -> gymnasium.Env[Any, Any]:
        reward = combine((1.0, DiscriminatorReward(auto_update=False, **settings)), (0.01, token_count))
        return gymnasium.make(SMALL, reward=reward, **data)

    envs = DummyVecEnv([make, make])
    model = stable_baselines3.A2C("MlpPolicy", envs, n_steps=10, device="cpu")
    model.learn(60, callback=DiscriminatorCallback(update_every=1))
    for reward in envs.get_attr("reward"):
        assert reward.parts[0][1].discriminator.steps_taken == 3
    with pytest.raises(ValueError, match="DiscriminatorCallback needs a DiscriminatorReward"):
        stable_baselines3.A2C("MlpPolicy", make_sb3_vec_env(SMALL), device="cpu").learn(5, DiscriminatorCallback())
    with pytest.raises(ValueError, match="update_every=0"):
        DiscriminatorCallback(0)


def test_ppo_learns() -> None:
    """Eight seeds reached -25 to -18 nats a text; uniform random tokens have -72.8, the oracle's greedy text -12.7."""
    envs = VecNormalize(VecMonitor(make_sb3_vec_env(SMALL, 64, seed=0)), norm_obs=False, gamma=1.0)
    model = stable_baselines3.PPO(
        "MlpPolicy",
        envs,
        seed=0,
        n_steps=10,
        batch_size=160,
        n_epochs=4,
        learning_rate=2e-3,
        gamma=1.0,
        gae_lambda=0.8,
        policy_kwargs=policy_kwargs(hidden_size=32),
        device="cpu",
    )
    tests = VecMonitor(make_sb3_vec_env(SMALL, 64, seed=1))
    torch.manual_seed(0)
    before, _ = evaluate_policy(model, tests, 256, deterministic=False)
    model.learn(20_000)
    after, _ = evaluate_policy(model, tests, 256, deterministic=False)
    share = (after + 72.8) / (72.8 - 12.7)
    print(f"return before {before:.1f}, after {after:.1f} nats a text: {share:.0%} of the distance to the greedy text")
    assert -78 < before < -68
    assert share > 0.5
