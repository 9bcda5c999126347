"""Saved agents: whole or not at all, and what cannot be read is refused with a reason."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from agents.baselines.uniform import Uniform
from agents.bases import checkpoint
from agents.bases.checkpoint import RENAMED, read_checkpoint, write_checkpoint
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.reinforce import Reinforce
from textgen_env.files import DamagedFile, NoRegularFile, UnreadableFile
from textgen_env.files import writing as files

CONFIG = MLEConfig(embedding_size=3, hidden_size=4)


@pytest.fixture
def envs() -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=2)


@pytest.fixture
def saved(envs: Any, tmp_path: Path) -> Path:
    MLE(envs, CONFIG).train(envs, 100).save(tmp_path / "agent")
    return tmp_path / "agent"


def rewritten(path: Path, tensors: dict[str, Any] | None = None, **header: Any) -> Path:
    """The file with entries of its header, or tensors, replaced; None takes one out."""
    with safe_open(path, "pt") as file:
        old = json.loads(file.metadata()["header"])
        kept = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    new = {key: value for key, value in (old | header).items() if value is not None}
    arrays = {key: value for key, value in (kept | (tensors or {})).items() if value is not None}
    save_file(arrays, path, {"header": json.dumps({**new, "digest": checkpoint.digest_of(new, arrays)})})
    return path


def test_a_file_rewritten_as_it_was_is_read(saved: Path) -> None:
    assert MLE.load(rewritten(saved)).config == CONFIG


def test_an_agent_that_was_saved_before_networks_had_more_settings_is_read(saved: Path) -> None:
    with safe_open(saved, "pt") as file:
        config = json.loads(file.metadata()["header"])["config"]
    for name in ("layers", "heads", "attention"):
        del config[name]
    assert MLE.load(rewritten(saved, config=config)).config == CONFIG


def test_hyperparameters_that_numpy_computed_are_saved(envs: Any, tmp_path: Path) -> None:
    for size in (np.int64(8), np.int32(8), np.uint8(8)):
        MLE(envs, MLEConfig(batch_size=size, embedding_size=3)).save(tmp_path / "agent")
        assert MLE.load(tmp_path / "agent").config == MLEConfig(batch_size=8, embedding_size=3)


def test_random_is_saved(envs: Any, tmp_path: Path) -> None:
    agent = Uniform(envs, seed=7)
    agent.save(tmp_path / "random")
    loaded = Uniform.load(tmp_path / "random")
    assert (loaded.spec, loaded.seed) == (agent.spec, 7)
    np.testing.assert_array_equal(loaded.sample(20).tokens, agent.sample(20).tokens)


@pytest.mark.parametrize("size", [0, 5, 40, 0.5, -1])
def test_a_truncated_file_is_refused(saved: Path, size: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(size * len(content)) if size == 0.5 else int(size)])
    with pytest.raises(ValueError, match=r"agent.*truncated"):
        MLE.load(saved)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        MLE.load(tmp_path / "nothing")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "pickled")
    save_file({"weights": torch.zeros(3)}, tmp_path / "foreign")
    for name in ("pickled", "foreign"):
        with pytest.raises(ValueError, match=f"{name}.*is no saved agent"):
            MLE.load(tmp_path / name)


def test_another_class_is_refused(saved: Path) -> None:
    for kind in (Reinforce, Uniform):
        with pytest.raises(ValueError, match=f"holds a MLE, not a {kind.__name__}"):
            kind.load(saved)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"version": 3}, "version 3"),
        ({"format": "other"}, "'other'"),
        ({"agent": None}, "agent"),
        ({"spec": {"vocab": 3}}, "vocab"),
        ({"spec": None}, "spec"),
        ({"config": {"depth": 2}}, "depth"),
        ({"config": {"hidden_size": 5}}, "fit together"),
        ({"counters": {}}, "updates"),
        ({"counters": {"updates": -1}}, "updates=-1 must be a whole number >= 0"),
        ({"counters": {"updates": 1.5}}, "updates=1.5 must be a whole number >= 0"),
        ({"counters": []}, "no saved agent"),
        ({"spec": {"vocab_size": 0, "max_length": 5}}, "vocab_size=0 must be a whole number >= 1"),
        ({"spec": {"vocab_size": 4.0, "max_length": 5}}, "vocab_size=4.0 must be a whole number"),
        ({"spec": {"vocab_size": 10**12, "max_length": 5}}, "vocab_size=1000000000000 must be"),
        ({"spec": {"vocab_size": 4, "max_length": 5, "eos_id": 9}}, "eos_id=9 must be below"),
    ],
)
def test_another_header_is_refused(saved: Path, header: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MLE.load(rewritten(saved, **header))


@pytest.mark.parametrize(
    "tensors",
    [
        {"network.decoder.output.bias": None},
        {"network.decoder.output.bias": torch.zeros(5)},
        {"network.more": torch.zeros(1)},
        {"optimiser.0.exp_avg": torch.full((5, 3), torch.nan)},
        {"optimiser.0.exp_avg": torch.zeros(1)},
        {"optimiser.0.exp_avg_sq": -torch.ones(5, 3)},
        {"optimiser.0.step": torch.tensor(-1.0)},
        {"optimiser.0.more": torch.tensor(1.0)},
        {"optimiser.99.step": torch.tensor(1.0)},
        {"generator": None},
        {"generator": torch.zeros(3, dtype=torch.uint8)},
    ],
)
def test_other_tensors_are_refused(saved: Path, tensors: dict[str, Any]) -> None:
    with pytest.raises(DamagedFile, match="agent"):
        MLE.load(rewritten(saved, tensors))


def test_a_write_that_fails_leaves_the_old_file(envs: Any, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    agent = MLE(envs, CONFIG, seed=1)
    monkeypatch.setattr(files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        agent.save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["agent"]


def test_layers_are_found_by_the_names_that_they_once_had(tmp_path: Path) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    agent = MLE(envs, MLEConfig(embedding_size=4, hidden_size=4, heads=2, layers=1, cell="transformer"))
    agent.save(tmp_path / "new")
    saved = read_checkpoint(tmp_path / "new")
    before = {now: once for once, now in RENAMED.items()}
    once = {".".join(before.get(part, part) for part in key.split(".")): each for key, each in saved.tensors.items()}
    assert once.keys() != saved.tensors.keys()
    write_checkpoint(tmp_path / "old", replace(saved, tensors=once))
    texts = np.array([[1, 2, 0, 4, 4]])
    np.testing.assert_array_equal(MLE.load(tmp_path / "old").log_prob(texts), agent.log_prob(texts))


def test_a_flipped_bit_is_found(saved: Path) -> None:
    whole, rng = saved.read_bytes(), np.random.default_rng(0)
    for at in rng.integers(8 * len(whole), size=100):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        saved.write_bytes(bytes(damaged))
        with pytest.raises(UnreadableFile, match="agent"):
            MLE.load(saved)


def test_an_agent_that_was_saved_before_files_had_digests_is_read(saved: Path) -> None:
    before = read_checkpoint(saved)
    with safe_open(saved, "pt") as file:
        header, tensors = file.metadata()["header"], {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    old = {key: value for key, value in json.loads(header).items() if key != "digest"}
    save_file(tensors, saved, {"header": json.dumps({**old, "version": 1})})
    after = read_checkpoint(saved)
    assert (after.spec, after.counters) == (before.spec, before.counters)
    save_file(tensors, saved, {"header": json.dumps(old)})
    with pytest.raises(DamagedFile, match="digest is of another content"):
        read_checkpoint(saved)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes that have names")
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for kind in ("pipe", "folder", "link"):
        with pytest.raises(NoRegularFile, match=rf"path='.*{kind}' is a {kind}"):
            MLE.load(tmp_path / kind)


def test_drafts_of_killed_saves_are_cleared_by_the_next(saved: Path) -> None:
    left, other = saved.with_name(".agent.123.draft"), saved.with_name(".agents.123.draft")
    for path in (left, other):
        path.write_bytes(b"half")
    MLE.load(saved).save(saved)
    assert sorted(path.name for path in saved.parent.iterdir()) == [other.name, "agent"]
    with files.held(left):
        MLE.load(saved).save(saved)
        assert left.is_file()
