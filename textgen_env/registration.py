"""The table of ids, and the names behind which tasks and rewards are loaded."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import gymnasium

from textgen_env.rewards.base import Reward, as_reward
from textgen_env.tasks.base import Task

TASKS: Mapping[str, str] = {
    "tiny": "textgen_env.tasks.tiny:TinyTask",
    "oracle": "textgen_env.tasks.oracle:OracleTask",
    "captions": "textgen_env.tasks.captions:CaptionsTask",
    "number_words": "textgen_env.tasks.number_words:NumberWordsTask",
}
REWARDS: Mapping[str, str] = {
    "table": "textgen_env.rewards.table:TableReward",
    "likelihood": "textgen_env.rewards.likelihood:LikelihoodReward",
    "bleu": "textgen_env.rewards.bleu:BleuReward",
    "discriminator": "textgen_env.rewards.discriminator:DiscriminatorReward",
    "ranker": "textgen_env.rewards.ranker:RankerReward",
    "constant": "textgen_env.rewards.constant:ConstantReward",
    "random": "textgen_env.rewards.noise:RandomReward",
}


GAME_ARGUMENTS = ("task", "reward", "reward_mode", "min_length", "render_mode")


@dataclass(frozen=True)
class EnvRow:
    """One registered id: which task, which reward, and kwargs that differ from their defaults."""

    id: str
    task: str
    reward: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)


SMALL: Mapping[str, Any] = {"vocab_size": 100, "max_length": 10}
TABLE: tuple[EnvRow, ...] = (
    EnvRow("TextGen-Tiny-v0", "tiny", "table"),
    EnvRow("TextGen-Oracle-v0", "oracle", "likelihood"),
    EnvRow("TextGen-OracleBLEU-v0", "oracle", "bleu"),
    EnvRow("TextGen-OracleGAN-v0", "oracle", "discriminator"),
    EnvRow("TextGen-OracleSmall-v0", "oracle", "likelihood", SMALL),
    EnvRow("TextGen-OracleSmallBLEU-v0", "oracle", "bleu", SMALL),
    EnvRow("TextGen-OracleSmallGAN-v0", "oracle", "discriminator", SMALL),
    EnvRow("TextGen-Captions-v0", "captions", "bleu"),
    EnvRow("TextGen-CaptionsGAN-v0", "captions", "discriminator"),
    EnvRow("TextGen-NumberWords-v0", "number_words", "bleu"),
)


def register() -> None:
    """Enters every row of the table into Gymnasium's registry; harmless when repeated."""
    for row in TABLE:
        if row.id in gymnasium.registry:
            continue
        gymnasium.register(
            row.id,
            entry_point="textgen_env.env:TextGenEnv",
            vector_entry_point="textgen_env.vector:TextGenVectorEnv",
            kwargs={"task": row.task, "reward": row.reward, **row.kwargs},
            # The core checks actions and the order of calls itself, in every view.
            disable_env_checker=True,
            order_enforce=False,
        )


def build(task: str | Task, reward: str | object, kwargs: Mapping[str, Any]) -> tuple[Task, Reward]:
    """The task and the reward that an environment's arguments name.

    Args:
        task: a name in `TASKS`, an import path "module:Class", or a task.
        reward: a name in `REWARDS`, an import path "module:Class" or "module:function", or whatever
            `as_reward` takes.
        kwargs: for the named task and the named reward; each goes to the one whose parameter it is.

    Raises:
        TypeError: a kwarg that neither takes.
        ValueError: an unknown name, an import path that leads nowhere.
    """
    task_class = _load(TASKS, "task", task) if isinstance(task, str) else None
    reward_class = _load(REWARDS, "reward", reward) if isinstance(reward, str) else None
    if reward_class is not None and not isinstance(reward_class, type):
        # An import path may also lead to a function, or to a reward that is made already.
        reward, reward_class = reward_class, None
    task_names = _parameters(task_class)
    reward_names = _parameters(reward_class)
    for name, value in kwargs.items():
        if name not in task_names and name not in reward_names:
            allowed = sorted({*task_names, *reward_names, *GAME_ARGUMENTS})
            raise TypeError(f"unknown argument {name}={value!r}; allowed are {', '.join(allowed)}")
    built_task = task if task_class is None else task_class(**{k: v for k, v in kwargs.items() if k in task_names})
    if not isinstance(built_task, Task):
        raise TypeError(f"task={task!r} must be one of {', '.join(TASKS)}, or an object with all that a Task has")
    if reward_class is None:
        return built_task, as_reward(reward)
    return built_task, reward_class(**{k: v for k, v in kwargs.items() if k in reward_names})


def _load(table: Mapping[str, str], argument: str, name: str) -> Any:
    path = table.get(name, name)
    module, colon, attribute = path.partition(":")
    if not (colon and module and attribute):
        raise ValueError(f"{argument}={name!r} must be one of {', '.join(table)}, or an import path 'module:Class'")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        # A module of this package that lacks a library says itself which.
        if name in table:
            raise
        raise ValueError(f"{argument}={name!r}: nothing can be imported from there: {error}") from error


def _parameters(cls: Any) -> tuple[str, ...]:
    return () if cls is None else tuple(inspect.signature(cls).parameters)
