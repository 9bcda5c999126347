"""Environments of a run, and what in them changes as they are played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import gymnasium
from gymnasium.error import Error as GymnasiumError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

import textgen_env  # noqa: F401  registers the ids
from agents.protocol import Envs
from textgen_env import TextGenEnv, text_game
from textgen_env.environments import find_spec, writes_texts
from textgen_env.files import DamagedFile, opened
from textgen_env.specs import with_argument


@runtime_checkable
class StatefulReward(Protocol):
    """Reward that changes as it is played, and can be kept in a file."""

    def state_dict(self) -> dict[str, Tensor]: ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None: ...


def make_envs(env_id: str, num_envs: int, kwargs: Mapping[str, Any], device: str) -> Envs:
    """The vector environment; its reward computes on `device` if it takes one, unless the kwargs say otherwise."""
    return gymnasium.make_vec(env_id, num_envs=num_envs, **with_device(env_id, kwargs, device))


def made_environment(env_id: str, kwargs: Mapping[str, Any], trust: bool = True) -> Any:
    """A single environment; not `trust`: only of what is registered, and only one that writes texts is made at all.

    Raises:
        ValueError: an environment that is unknown, or that writes no texts.
    """
    try:
        # Makers of Gymnasium's own take what they import from their arguments.
        if not trust and not writes_texts(env_id):
            raise ValueError(f"env_id={env_id!r} is no environment of texts; say --env-id, or --trust")
        env = gymnasium.make(env_id, **kwargs)
    # gymnasium imports the module of "module:Env-v0".
    except (GymnasiumError, ImportError) as error:
        raise ValueError(f"env_id={env_id!r}: {error}") from None
    if not isinstance(env.unwrapped, TextGenEnv):
        raise ValueError(
            f"env_id={env_id!r} is a {type(env.unwrapped).__name__}, which writes no texts; give the environment that "
            "the agent was made for, such as TextGen-NumberWords-v0"
        )
    return env


def with_device(env_id: str, kwargs: Mapping[str, Any], device: str) -> dict[str, Any]:
    """The kwargs, with the device given to a reward that takes one and was not given it, unless it is the CPU."""
    if device == "cpu":
        return dict(kwargs)
    reward = {**find_spec(env_id).kwargs, **kwargs}.get("reward")
    return {**kwargs, "reward": with_argument(reward, "device", device)}


def learned_reward(envs: Any) -> StatefulReward | None:
    """The reward of environments if it learns."""
    reward: object = text_game(envs).reward
    return reward if isinstance(reward, StatefulReward) and reward.state_dict() else None


def save_reward(envs: Envs, path: Path) -> bool:
    """Keeps what the reward has learned; False if it does not learn."""
    reward = learned_reward(envs)
    if reward is not None:
        save_file({name: tensor.contiguous() for name, tensor in reward.state_dict().items()}, path)
    return reward is not None


def load_reward(envs: Envs, path: Path) -> None:
    """Puts the reward where the one was that `save_reward` kept.

    Raises:
        TypeError: a reward that keeps nothing.
        textgen_env.files.UnreadableFile: the file is none of a reward.
    """
    reward = text_game(envs).reward
    if not isinstance(reward, StatefulReward):
        raise TypeError(f"reward {reward.name!r} has no `load_state_dict`: it is not the one that {path} is of")
    with opened(path):
        try:
            state = load_file(path)
        except SafetensorError as error:
            raise DamagedFile(path, f"holds no reward's state: {error}") from None
    try:
        reward.load_state_dict(state)
    except (RuntimeError, KeyError, ValueError) as error:
        raise DamagedFile(path, f"holds no state of the reward {reward.name!r}: {error}") from None


def generator_states(envs: Envs) -> tuple[Any, ...]:
    """States of the generators that sources are drawn from, one a row, plain JSON values; none without sources."""
    game = text_game(envs)
    return () if game.task.sources is None else game.generator_states()


def set_generator_states(envs: Envs, states: Sequence[Any]) -> None:
    """Goes on drawing from what `generator_states` gave."""
    if states:
        text_game(envs).set_generator_states(states)
