"""Fingerprint of a game: the settings of task and reward, by which two games of one name differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgen_env.rewards.base import Reward, RewardMode
from textgen_env.rewards.combine import CombinedReward
from textgen_env.tasks.base import Task

Fingerprint = Mapping[str, bool | int | float | str | None]


def fingerprint_of(task: Task, reward: Reward, min_length: int, mask_penalty: float | None = None) -> Fingerprint:
    """The plain values among the public attributes of task and reward, such as {"task.seed": 0}: of a sum of rewards
    those of its parts and their weights. The device is left out; a reward's name and mode are said of the game."""
    # Only where it is given: the fingerprints of other games stay as they are stored.
    penalty = {} if mask_penalty is None else {"mask_penalty": mask_penalty}
    return {"min_length": min_length, **penalty, **_plain("task", task), **_of_reward("reward", reward)}


def in_words(task: Task, reward: Reward, reward_mode: RewardMode) -> str:
    """Description of what is played."""
    return (
        f"{type(task).__name__} of {len(task.vocabulary)} tokens, max_length={task.max_length}, "
        f"reward {reward.name!r}, reward_mode={reward_mode!r}"
    )


def difference(of: Fingerprint, other: Fingerprint) -> str:
    """The settings in which the first differs from the second, as "task.seed=0, min_length=2"."""
    return ", ".join(f"{name}={of[name]!r}" for name in sorted(of) if name not in other or of[name] != other[name])


# The device is no rule of the game; the others are said elsewhere.
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
