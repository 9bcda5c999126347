"""Trainable agents: what a callback answers stops their learning, in whatever type it answers."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from agents.adversarial.seqgan import SeqGAN
from agents.imitation.mle import MLE
from agents.policy_gradient.reinforce import Reinforce
from agents.value.q_learning import QLearning

AGENTS = [Reinforce, MLE, QLearning, SeqGAN]


def updates_until(agent_class: Any, answer: Any) -> int:
    """How often the callback was called that gives `answer`, twice at most."""
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=4)
    calls = []

    def callback(progress: object) -> Any:
        calls.append(progress)
        return False if len(calls) == 2 else answer

    agent_class(envs, seed=0).train(envs, 5_000, callback=callback)
    return len(calls)


@pytest.mark.parametrize("agent_class", AGENTS)
@pytest.mark.parametrize("answer", [False, np.bool_(False), np.array(False), torch.tensor(False), 0])
def test_a_false_answer_stops(agent_class: Any, answer: Any) -> None:
    assert updates_until(agent_class, answer) == 1


@pytest.mark.parametrize("agent_class", AGENTS)
@pytest.mark.parametrize("answer", [None, True, np.bool_(True), 1])
def test_another_answer_goes_on(agent_class: Any, answer: Any) -> None:
    assert updates_until(agent_class, answer) == 2
