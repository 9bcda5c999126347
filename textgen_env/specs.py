"""Specifications of tasks and rewards: names with arguments, plain JSON, and what is made of them.

A task or a reward is given as a registered name (`"bleu"`), a mapping of a name and arguments (`{"name": "bleu",
"max_order": 2}`), an import path (`"my_rewards:brevity"`, also as the name in a mapping), a class, or an object; a
reward also as a function. A sum of rewards is `{"name": "sum", "parts": [[1.0, "bleu"], [0.1, {...}]]}`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from textgen_env.core import GenerationCore
from textgen_env.registries import Registry, load_object, path_of
from textgen_env.rewards.base import Reward, RewardMode, as_reward
from textgen_env.rewards.combine import CombinedReward, checked_parts
from textgen_env.tasks.base import Task

TASKS, REWARDS = Registry("task"), Registry("reward")
GAME_ARGUMENTS = ("task", "reward", "reward_mode", "min_length", "mask_penalty", "render_mode")
"""Keyword arguments of `gym.make` that are the game's own; all others are the task's."""


def register_task(name: str, task: Any) -> None:
    """Names a task, for `gym.make(id, task=name)` and `register_environment`.

    Args:
        name: letters, digits and `_`.
        task: a class that follows `textgen_env.Task` once it is made, or its import path "module:Class".

    Raises:
        TypeError, ValueError: a name or class that is not allowed, or a name that is taken.
    """
    TASKS.register(name, task)


def register_reward(name: str, reward: Any) -> None:
    """Names a reward, for `gym.make(id, reward=name)`, sums and `register_environment`.

    Args:
        name: letters, digits and `_`.
        reward: a class whose objects are rewards (`textgen_env.BaseReward`, or any with `score`), or its import path
            "module:Class".

    Raises:
        TypeError, ValueError: a name or class that is not allowed, or a name that is taken.
    """
    REWARDS.register(name, reward)


register_task("tiny", "textgen_env.tasks.tiny:TinyTask")
register_task("oracle", "textgen_env.tasks.oracle:OracleTask")
register_task("captions", "textgen_env.tasks.captions:CaptionsTask")
register_task("number_words", "textgen_env.tasks.number_words:NumberWordsTask")
register_task("poems", "textgen_env.tasks.poems:PoemsTask")
register_task("music", "textgen_env.tasks.music:MusicTask")
register_task("transcribe", "textgen_env.tasks.transcribe:TranscribeTask")
register_task("corpus", "textgen_env.tasks.corpus:CorpusTask")
register_task("parallel", "textgen_env.tasks.parallel:ParallelTask")
register_task("speeches", "textgen_env.tasks.speeches:SpeechesTask")
register_task("judged", "textgen_env.tasks.judged:JudgedTask")

register_reward("table", "textgen_env.rewards.table:TableReward")
register_reward("likelihood", "textgen_env.rewards.likelihood:LikelihoodReward")
register_reward("bleu", "textgen_env.rewards.bleu:BleuReward")
register_reward("discriminator", "textgen_env.rewards.discriminator:DiscriminatorReward")
register_reward("ranker", "textgen_env.rewards.ranker:RankerReward")
register_reward("constant", "textgen_env.rewards.constant:ConstantReward")
register_reward("random", "textgen_env.rewards.noise:RandomReward")
register_reward("diversity", "textgen_env.rewards.diversity:DiversityReward")
register_reward("error_rate", "textgen_env.rewards.error_rate:ErrorRateReward")
register_reward("exact_match", "textgen_env.rewards.exact_match:ExactMatchReward")
register_reward("fluency", "textgen_env.rewards.fluency:FluencyReward")
register_reward("repetition", "textgen_env.rewards.repetition:RepetitionReward")
register_reward("length", "textgen_env.rewards.length:LengthReward")
register_reward("chrf", "textgen_env.rewards.chrf:ChrfReward")
register_reward("ter", "textgen_env.rewards.ter:TerReward")
register_reward("goal", "textgen_env.rewards.goal:GoalReward")
register_reward("drifting_goal", "textgen_env.rewards.drifting_goal:DriftingGoalReward")
register_reward("text", "textgen_env.rewards.text:TextReward")
register_reward("sum", "textgen_env.specs:sum_of")


def build_core(
    task: object,
    reward: object,
    num_rows: int,
    reward_mode: RewardMode | None,
    min_length: int,
    mask_penalty: float | None,
    arguments: Mapping[str, Any],
) -> GenerationCore:
    """The game of N rows that an environment's arguments name; `arguments` are the task's.

    Raises:
        TypeError, ValueError: a task, reward or argument that is not allowed.
    """
    made = make_task(task, arguments, reward)
    return GenerationCore(made, make_reward(reward), num_rows, reward_mode, min_length, mask_penalty)


def make_task(task: object, arguments: Mapping[str, Any] | None = None, reward: object = None) -> Task:
    """The task that a specification stands for.

    Args:
        task: as the module says.
        arguments: its further arguments; they come before those of a mapping.
        reward: of the same game; an error says so where an argument is this one's.

    Raises:
        TypeError: no task, or an argument that it does not take.
        ValueError: an unknown name, or an import path that leads nowhere.
    """
    given = dict(arguments or {})
    name, own = _named("task", task)
    if name is not None or isinstance(task, type):
        target = task if name is None else TASKS.load(name)
        if not callable(target):
            task, given = target, {**own, **given}
        else:
            made = _called("task", name or _title(target), target, {**own, **given}, reward)
            return _checked_task(made)
    if given:
        key, value = next(iter(given.items()))
        raise TypeError(
            f"{type(task).__name__} got an unexpected keyword argument {key!r} ({key}={value!r}): task={task!r} is an "
            "object that is made already; give the argument to its constructor"
        )
    return _checked_task(task)


def make_reward(reward: object) -> Reward:
    """The reward that a specification stands for.

    Raises:
        TypeError: no reward, an argument that it does not take, or a function that cannot be called as rewards are.
        ValueError: an unknown name, or an import path that leads nowhere.
    """
    name, own = _named("reward", reward)
    if name is None and not isinstance(reward, type):
        return as_reward(reward)
    target = reward if name is None else REWARDS.load(name)
    if isinstance(target, type) or name in REWARDS:
        return as_reward(_called("reward", name or _title(target), target, own))
    if own:
        raise TypeError(f"reward={reward!r}: what {name!r} leads to is no class, and takes no arguments: {sorted(own)}")
    return as_reward(target)


def combine(*parts: tuple[float, object]) -> CombinedReward:
    """A weighted sum of rewards, for `gym.make(..., reward=combine((1.0, "bleu"), (-0.1, my_function)))`.

    Args:
        parts: (weight, reward) pairs; a reward as `gym.make` takes it: a name, a mapping, an import path, an object or
            a function.

    Raises:
        TypeError: a part that is no pair, a weight that is no number, or a reward that is none.
        ValueError: no parts, a weight that is not finite, or an unknown name.
    """
    checked = checked_parts(parts)
    combined = CombinedReward([(weight, make_reward(reward)) for weight, reward in checked])
    combined.given = tuple(checked)
    return combined


def sum_of(parts: Sequence[Sequence[Any]]) -> CombinedReward:
    """A weighted sum of rewards, as JSON has it: the reward "sum".

    Args:
        parts: [weight, reward] pairs, each reward as a name, a mapping or an import path.

    Raises:
        TypeError, ValueError: as `combine`.
    """
    if isinstance(parts, str) or not isinstance(parts, Sequence):
        raise TypeError(f"parts={parts!r} must be a list of [weight, reward] pairs, got {type(parts).__name__}")
    return combine(*(tuple(part) if isinstance(part, list) else part for part in parts))  # type: ignore[arg-type]


def with_argument(reward: object, argument: str, value: Any) -> object:
    """The specification of a reward with one argument more, in every part that takes it and was not given it; what is
    no specification (an object, a function) as it is."""
    name, own = _named("reward", reward)
    if name is None:
        return reward
    if name == "sum":
        parts = [[weight, with_argument(part, argument, value)] for weight, part in own.get("parts", ())]
        return {**own, "name": name, "parts": parts}
    if argument in own or argument not in (_parameters(REWARDS.load(name)) or {}):
        return reward
    return {"name": name, **own, argument: value}


def plain(value: Any) -> Any:
    """An argument of `gym.make` as JSON can hold it, where it can: paths as strings, classes and functions by the names
    or import paths that lead back to them, sums made by `combine` as mappings; anything else as it is."""
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, CombinedReward) and value.given:
        return {"name": "sum", "parts": [[weight, plain(part)] for weight, part in value.given]}
    if isinstance(value, type) or inspect.isfunction(value):
        named = TASKS.name_of(value) or REWARDS.name_of(value)
        return named or _importable(value)
    return value


def _importable(thing: Any) -> Any:
    path = path_of(thing)
    try:
        return path if path is not None and load_object(path) is thing else thing
    except ValueError:
        return thing


def _named(kind: str, given: object) -> tuple[str | None, dict[str, Any]]:
    """The name and the arguments in a specification; None where it is an object, a class or a function."""
    if isinstance(given, str):
        return given, {}
    if not isinstance(given, Mapping):
        return None, {}
    name = given.get("name")
    if not isinstance(name, str):
        raise TypeError(f"{kind}={given!r} must say what it is: {{'name': '...', <its arguments>}}")
    own = {key: value for key, value in given.items() if key != "name"}
    if any(not isinstance(key, str) for key in own):
        raise TypeError(f"{kind}={given!r}: the names of arguments must be strings")
    return name, own


def _checked_task(task: object) -> Task:
    if not isinstance(task, Task):
        raise TypeError(f"task={task!r} must be one of {', '.join(TASKS)}, or an object with all that a Task has")
    return task


def _called(kind: str, name: str, target: Any, arguments: dict[str, Any], reward: object = None) -> Any:
    """The object that a class makes of its arguments, which are bound before it is called.

    Raises:
        TypeError: an argument that it does not take, or one that it lacks.
    """
    known = _parameters(target)
    if known is not None:
        for key, value in arguments.items():
            if key not in known and not any(each.kind is each.VAR_KEYWORD for each in known.values()):
                raise TypeError(
                    f"{kind} {name!r} got an unexpected keyword argument {key!r} ({key}={value!r}); allowed are "
                    f"{arguments_of(target) or 'none'}{_advice(kind, key, reward)}"
                )
        missing = [
            each.name
            for each in known.values()
            if each.default is each.empty and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        ]
        lacking = [each for each in missing if each not in arguments]
        if lacking:
            how = f"gym.make(id, {lacking[0]}=...)" if kind == "task" else f"{{'name': {name!r}, {lacking[0]!r}: ...}}"
            raise TypeError(f"{kind} {name!r} needs the argument {', '.join(lacking)}; give it: {how}")
    return target(**arguments)


def arguments_of(target: Any) -> str:
    """The arguments of a class with their defaults, as "max_order=4, smooth_method='exp'"."""
    known = _parameters(target) or {}
    return ", ".join(
        each.name if each.default is each.empty else f"{each.name}={each.default!r}" for each in known.values()
    )


def _parameters(target: Any) -> Mapping[str, inspect.Parameter] | None:
    """By their names; None of a callable that does not tell them."""
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return None


def _advice(kind: str, key: str, reward: object) -> str:
    """Where an argument goes that the task does not take."""
    if kind != "task":
        return ""
    if key == "max_episode_steps":
        return (
            "; the task's max_length is the horizon: give that, or cut texts short from outside with "
            "gym.make_vec(id, vectorization_mode='sync', max_episode_steps=...)"
        )
    name, _ = _named("reward", reward)
    short = key.removeprefix("d_")
    if name is not None and short in (_parameters(REWARDS.load(name)) or {}):
        return f"; an argument of the reward stands in its mapping: reward={{'name': {name!r}, {short!r}: ...}}"
    return f"; and the game's own: {', '.join(GAME_ARGUMENTS)}"


def _title(target: Any) -> str:
    return getattr(target, "__name__", repr(target))
