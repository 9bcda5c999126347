"""The drawn map is the network's attention along the text that it writes; what has none is refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from agents.baselines.uniform import Uniform
from agents.bases.saved_policy import read_policy
from agents.imitation.mle import MLE, MLEConfig
from benchmarks.cli import app
from benchmarks.report.attention_map import attention_map, drawn

ENV, KWARGS = "TextGen-NumberWords-v0", {"max_number": 99}
SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 8, "heads": 2}

pytest.importorskip("num2words")


def learner(**changes: Any) -> MLE:
    envs = gym.make_vec(ENV, num_envs=1, **KWARGS)
    return MLE(envs, MLEConfig(**SMALL, **changes), seed=0).train(envs, 300)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a finished run leaves it."""
    folder = tmp_path_factory.mktemp("run")
    learner(attention="additive").save(folder / "agent.safetensors")
    (folder / "config.json").write_text(json.dumps({"env_id": ENV, "env_kwargs": KWARGS}))
    return folder


def invoked(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["plot-attention", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_map_is_the_networks_attention_along_the_text_it_writes(run_folder: Path) -> None:
    policy = read_policy(run_folder / "agent.safetensors")
    env = gym.make(ENV, **KWARGS)
    shown = attention_map(policy, env, 7)
    task = env.unwrapped.task
    agent = MLE.load(run_folder / "agent.safetensors")
    observation, _ = env.reset(options={"source": 7})
    state, terminated, info = None, False, {}
    while not terminated:
        masks = env.unwrapped.action_masks()
        token, state = agent.predict(observation, state, deterministic=True, action_masks=masks)
        observation, _, terminated, _, info = env.step(token)
    length = int((info["tokens"] != len(task.vocabulary)).sum())
    assert shown.source == ("7",)
    assert shown.written == tuple(task.vocabulary.tokens[i].strip() for i in info["tokens"][:length])
    assert shown.title == f"7  →  {info['text']}"
    np.testing.assert_allclose(shown.weights, 1)
    two = attention_map(policy, env, 42)
    assert two.source == ("4", "2")
    assert two.weights.shape == (len(two.written), 2)
    ids = task.vocabulary.encode([next(t for t in task.vocabulary.tokens if t.strip() == each) for each in two.written])
    tokens = np.full((1, task.max_length), len(task.vocabulary))
    tokens[0, : len(ids)] = ids
    with torch.no_grad():
        weights = agent.network.attention_weights(torch.from_numpy(tokens), torch.tensor([[4, 2]]))
    np.testing.assert_allclose(two.weights, weights[0, : len(ids)], atol=1e-6)


def test_the_picture_shows_every_token_and_weight(run_folder: Path) -> None:
    policy = read_policy(run_folder / "agent.safetensors")
    shown = attention_map(policy, gym.make(ENV, **KWARGS), 42)
    axes = drawn(shown).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), shown.weights)
    assert [label.get_text() for label in axes.get_xticklabels()] == list(shown.source)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(shown.written)
    assert [text.get_text() for text in axes.texts] == [f"{weight:.2f}" for weight in shown.weights.ravel()]
    # The first token that was written stands at the top.
    assert axes.yaxis_inverted()


def test_a_run_and_a_file_are_drawn(run_folder: Path, tmp_path: Path) -> None:
    code, output = invoked(run_folder, "--source", "42")
    assert (code, f"wrote {run_folder / 'attention-42.png'}" in output) == (0, True), output
    assert (run_folder / "attention-42.png").read_bytes().startswith(b"\x89PNG")
    lone = tmp_path / "mine"
    learner(cell="transformer", attention="dot").save(lone)
    where = "--env-id", ENV, "--env-kwargs", json.dumps(KWARGS)
    code, output = invoked(lone, "--source", "5", "--out", tmp_path / "new" / "map.svg", *where)
    assert code == 0, output
    assert "<svg" in (tmp_path / "new" / "map.svg").read_text()


def test_what_cannot_be_drawn_is_refused_in_words(run_folder: Path, tmp_path: Path) -> None:
    plain, random, tiny, lone = (tmp_path / name for name in ("plain", "random", "tiny", "lone"))
    learner().save(plain)
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=1)
    Uniform(envs).save(random)
    MLE(envs, MLEConfig(**SMALL)).save(tiny)
    learner(attention="dot").save(lone)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").write_text("no agent")
    bare, listed = tmp_path / "bare", tmp_path / "listed"
    for folder, settings in ((bare, {}), (listed, {"env_id": ENV, "env_kwargs": []})):
        folder.mkdir()
        shutil.copy(lone, folder / "agent.safetensors")
        (folder / "config.json").write_text(json.dumps(settings))
    where: tuple[str, ...] = "--env-id", ENV
    small = *where, "--env-kwargs", json.dumps(KWARGS)
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        ((tmp_path / "nothing",), "no such file"),
        ((tmp_path / "empty",), "holds no agent.safetensors; give the folder of a finished run"),
        ((tmp_path / "other", *small), "is no saved agent"),
        ((plain, *small), "this MLE has a source, but learned without attention"),
        ((tiny, "--env-id", "TextGen-Tiny-v0"), "this MLE writes texts without a source, without attention"),
        ((random,), "holds a Uniform, which has no policy network"),
        ((lone,), "there is no config.json of a run; say which environment"),
        ((lone, *where), "but the agent was made for"),
        ((lone, "--env-id", "TextGen-Tiny-v0"), "but the agent was made for"),
        ((lone, "--env-id", "TextGen-Nothing-v0"), "env_id='TextGen-Nothing-v0'"),
        ((lone, "--env-id", "CartPole-v1"), "env_id='CartPole-v1' is a CartPoleEnv, which writes no texts"),
        ((lone, "--env-id", "nomodule:Env-v0"), "env_id='nomodule:Env-v0': No module named 'nomodule'"),
        ((bare / "agent.safetensors",), f"{bare / 'config.json'} is not of a run: 'env_id' is missing"),
        ((listed / "agent.safetensors",), f"{listed / 'config.json'} is not of a run: env_kwargs=[] must be an object"),
        ((lone, *where, "--env-kwargs", "{"), "env_kwargs='{' is no JSON"),
        ((lone, *where, "--env-kwargs", "[1]"), "must be an object"),
        ((run_folder, "--out", tmp_path / "map.gif"), "must end in .png or .svg"),
    ]
    for arguments, said in cases:
        code, output = invoked(*arguments, "--source", "4")
        assert code == 2, (arguments, output)
        assert said in output, (arguments, output)
        assert output.count("\n") == 1, output
    for source in ("100", "-1"):
        code, output = invoked(run_folder, "--source", source)
        assert (code, f"source={source} must be a row of the sources, 0 to 99" in output) == (2, True)
    assert not list(tmp_path.glob("*.png"))
