"""What makes two games of the same words different ones: the settings of task and reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgen_env.rewards.base import Reward
from textgen_env.rewards.combine import CombinedReward
from textgen_env.tasks.base import Task

Settings = Mapping[str, bool | int | float | str | None]


def settings_of(task: Task, reward: Reward, min_length: int) -> Settings:
    """The plain values among the public attributes of task and reward, such as {"task.seed": 0}: of a sum of rewards
    those of its parts and their weights. What they compute on is no rule of the game; a reward's name and mode are
    said of the game itself."""
    return {"min_length": min_length, **_plain("task", task), **_of_reward("reward", reward)}


def difference(of: Settings, other: Settings) -> str:
    """The settings in which the first differs from the second, as "task.seed=0, min_length=2"."""
    return ", ".join(f"{name}={of[name]!r}" for name in sorted(of) if name not in other or of[name] != other[name])


# No rules, or said elsewhere.
LEFT_OUT = ("device", "name", "default_mode")


def _of_reward(name: str, reward: Reward) -> dict[str, Any]:
    found = _plain(name, reward)
    if isinstance(reward, CombinedReward):
        for position, (weight, part) in enumerate(reward.parts):
            found |= {f"{name}.{position}.weight": weight, **_of_reward(f"{name}.{position}", part)}
    return found


def _plain(name: str, thing: object) -> dict[str, Any]:
    attributes = getattr(thing, "__dict__", {}).items()
    return {
        f"{name}.{key}": value
        for key, value in attributes
        if not key.startswith("_") and key not in LEFT_OUT and isinstance(value, bool | int | float | str | None)
    }
