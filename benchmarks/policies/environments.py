"""The environments of a run, and what in them changes as they are played."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import gymnasium
import numpy as np
from safetensors.torch import load_file, save_file
from torch import Tensor

import textgen_env  # noqa: F401  registers the ids
from agents.protocol import Envs, IntArray
from textgen_env.registration import REWARDS
from textgen_env.registries import load_object


@runtime_checkable
class StatefulReward(Protocol):
    """A reward that changes, and can be kept."""

    def state_dict(self) -> dict[str, Tensor]: ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None: ...


def make_envs(env_id: str, num_envs: int, kwargs: Mapping[str, Any], device: str) -> Envs:
    """The vector environment; its reward computes on `device` if it takes one, unless the kwargs say otherwise."""
    return gymnasium.make_vec(env_id, num_envs=num_envs, **{**device_kwargs(env_id, kwargs, device), **kwargs})


def device_kwargs(env_id: str, kwargs: Mapping[str, Any], device: str) -> dict[str, str]:
    """{"device": device} if that is not the CPU and the environment's reward, by name, has such an argument."""
    if device == "cpu":
        return {}
    reward = {**gymnasium.spec(env_id).kwargs, **kwargs}.get("reward")
    if not isinstance(reward, str):
        return {}
    takes_it = "device" in inspect.signature(load_object(REWARDS.get(reward, reward))).parameters
    return {"device": device} if takes_it else {}


def save_reward(envs: Envs, path: Path) -> bool:
    """Keeps what the reward has learned; False if it does not learn."""
    reward = envs.unwrapped.reward  # type: ignore[attr-defined]
    state = reward.state_dict() if isinstance(reward, StatefulReward) else {}
    if state:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return bool(state)


def load_reward(envs: Envs, path: Path) -> None:
    """Puts the reward where the one was that `save_reward` kept."""
    envs.unwrapped.reward.load_state_dict(load_file(path))  # type: ignore[attr-defined]


def generator_states(envs: Envs) -> tuple[Any, ...]:
    """Of the generators that sources are drawn from, one a row, plain JSON values; none without sources."""
    core = envs.unwrapped.core  # type: ignore[attr-defined]
    return () if core.task.sources is None else tuple(core.generators.states(_rows(envs)))


def set_generator_states(envs: Envs, states: Sequence[Any]) -> None:
    """Goes on drawing from what `generator_states` gave."""
    if states:
        envs.unwrapped.core.generators.set_states(_rows(envs), states)  # type: ignore[attr-defined]


def _rows(envs: Envs) -> IntArray:
    return np.arange(envs.num_envs)
