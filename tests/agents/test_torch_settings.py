"""Agents learn and write the same bits whatever torch's global settings are."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents import AGENTS
from agents.imitation.mle import MLE, MLEConfig
from support.adversarial_agents import DISCRIMINATOR
from support.torch_states import EVERYTHING
from textgen_env.models.torch_settings import is_usual

SMALL: dict[str, Any] = {
    "embedding_size": 4,
    "hidden_size": 6,
    "batch_size": 8,
    "pretrain_epochs": 1,
    "d_pretrain_steps": 1,
    "d_samples": 16,
    "d_steps": 1,
    "d_epochs": 1,
    "rollouts": 2,
    "learning_starts": 8,
    "group_size": 4,
}


def learned(name: str, path: Any) -> str:
    """Digest of what an agent learns, draws and gives as log-probabilities, and goes on to after it is loaded."""
    kind = AGENTS.load(name)
    given = {"reward": DISCRIMINATOR, "train_size": 32} if name in ("seqgan", "gumbel_softmax") else {}
    if name == "pg_bleu":
        given = {"reward": "bleu", "train_size": 32}
    envs: Any = gym.make_vec("TextGen-Tiny-v0", num_envs=4, **given)
    config = kind.config_class()
    small = {
        field.name: SMALL[field.name] for field in fields(config) if getattr(config, field.name) and field.name in SMALL
    }
    agent = kind(envs, replace(config, **small))
    if name == "tempered":
        agent.initialise_from(MLE(envs, MLEConfig(embedding_size=4, hidden_size=6)))
    seen = hashlib.sha256()
    for part in range(2):
        agent.train(envs, 120)
        texts = envs.unwrapped.task.test_sequences()
        observation, _ = envs.reset(seed=part)
        seen.update(agent.predict(observation)[0].tobytes())
        if name not in ("mc_prediction", "td_prediction"):
            seen.update(agent.sample(20).tokens.tobytes())
            seen.update(agent.log_prob(texts.tokens[:20], texts.lengths[:20]).tobytes())
        agent.save(path)
        agent = kind.load(path)
    seen.update(np.array([getattr(agent, counter) for counter in agent.counters]).tobytes())
    return seen.hexdigest()


@pytest.mark.parametrize("name", list(AGENTS))
def test_an_agent_does_not_depend_on_torchs_settings(name: str, tmp_path: Any) -> None:
    usual = learned(name, tmp_path / "usual")
    for number, settings in enumerate(EVERYTHING.values()):
        with settings():
            assert learned(name, tmp_path / str(number)) == usual
    assert is_usual()
