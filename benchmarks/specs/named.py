"""Agents and environments by name, with the arguments that each takes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import Any

from agents import AGENTS
from benchmarks.specs.experiment import Kind
from benchmarks.specs.settings import no_such
from textgen_env.environments import TABLE, find_spec, writes_texts
from textgen_env.registries import load_object
from textgen_env.specs import GAME_ARGUMENTS, REWARDS, TASKS

PREFIX = "sb3/"
# Not a hyperparameter of Stable-Baselines3, whose entropy bonus does not fade.
HALF_LIFE = "ent_half_life"
OF_ALGORITHM = ("num_envs",)
"""Settings that are not an agent's own, but of how it is run."""
# Those that choose among tokens: name -> package, policy without and with sources.
PLAIN, RECURRENT = ("MlpPolicy", "MultiInputPolicy"), ("MlpLstmPolicy", "MultiInputLstmPolicy")
SB3: Mapping[str, tuple[str, tuple[str, str]]] = {
    "A2C": ("stable_baselines3", PLAIN),
    "DQN": ("stable_baselines3", PLAIN),
    "PPO": ("stable_baselines3", PLAIN),
    "MaskablePPO": ("sb3_contrib", PLAIN),
    "QRDQN": ("sb3_contrib", PLAIN),
    "RecurrentPPO": ("sb3_contrib", RECURRENT),
    "TRPO": ("sb3_contrib", PLAIN),
}
# What the runner gives an algorithm of Stable-Baselines3.
GIVEN = ("policy", "env", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model")


@dataclass(frozen=True)
class Argument:
    """Argument that a person may set: its name, its default as Python writes it ("" for none), what it is."""

    name: str
    default: str
    words: str = ""


@dataclass(frozen=True)
class NamedAgent:
    """Agent that a command line names.

    Attributes:
        path: registered name or import path, as `Algorithm.agent` has it.
        kind: as `Algorithm.kind`.
        policies: of Stable-Baselines3, without and with sources.
        arguments: that it takes.
    """

    path: str
    kind: Kind
    policies: tuple[str, str]
    arguments: tuple[Argument, ...]


def agent_names() -> list[str]:
    """All there are."""
    return [*AGENTS, *(PREFIX + name for name in SB3)]


def environment_ids() -> list[str]:
    """The ids of the suite."""
    return [row.id for row in TABLE]


def named_agent(name: str) -> NamedAgent:
    """The agent of a registered name, or of "sb3/PPO".

    Raises:
        ValueError: no such name.
        ImportError: a library that it needs is not installed.
    """
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in SB3:
        package, policies = SB3[name.removeprefix(PREFIX)]
        path = f"{package}:{name.removeprefix(PREFIX)}"
        known = inspect.signature(load_object(path, "agent")).parameters.values()
        taken = [_of_parameter(each) for each in known if each.name not in GIVEN]
        half_life = Argument(HALF_LIFE, "None", "tokens until ent_coef has halved; None: constant")
        return NamedAgent(path, "sb3", policies, (*taken, half_life))
    if name not in AGENTS:
        raise ValueError(f"agent {name!r} {no_such(name, agent_names())}")
    config = getattr(AGENTS.load(name), "config_class", None)
    return NamedAgent(name, "agent", PLAIN, _of_dataclass(config) if is_dataclass(config) else ())


def environment_arguments(env_id: str) -> tuple[Argument, ...]:
    """The keyword arguments of a registered environment: of its task, then the game's own.

    Raises:
        ValueError: an unknown id, or one that writes no texts.
    """
    if env_id not in environment_ids():
        import gymnasium

        if env_id not in gymnasium.registry or not writes_texts(env_id):
            raise ValueError(f"environment {env_id!r} {no_such(env_id, environment_ids())}")
    task = find_spec(env_id).kwargs["task"]
    return of_task(task if isinstance(task, str) else task["name"]) + tuple(
        Argument(name, "") for name in GAME_ARGUMENTS if name != "render_mode"
    )


def of_task(name: str) -> tuple[Argument, ...]:
    """The arguments of a registered task."""
    return tuple(_of_parameter(each) for each in inspect.signature(TASKS.load(name)).parameters.values())


def of_reward(name: str) -> tuple[Argument, ...]:
    """The arguments of a registered reward."""
    return tuple(_of_parameter(each) for each in inspect.signature(REWARDS.load(name)).parameters.values())


def with_own_parts(
    env_id: str, given: Mapping[str, Any], before: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Keyword arguments of an environment; arguments of a task or a reward without its name are those of the one that
    the environment has.

    Args:
        env_id: of a registered environment.
        given: its keyword arguments.
        before: what it had before, which these change.
    """
    kwargs = {**before, **given}
    for part in ("task", "reward"):
        own = before.get(part, find_spec(env_id).kwargs[part])
        if isinstance(given.get(part), Mapping) and "name" not in given[part]:
            kwargs[part] = {**({"name": own} if isinstance(own, str) else own), **given[part]}
    return kwargs


def _of_parameter(each: inspect.Parameter) -> Argument:
    return Argument(each.name, "" if each.default is each.empty else repr(each.default))


def _of_dataclass(config: Any) -> tuple[Argument, ...]:
    words = _comments(config)
    found = []
    for each in fields(config):
        default = "" if each.default is MISSING else repr(each.default)
        if each.default_factory is not MISSING:
            default = repr(each.default_factory())
        found.append(Argument(each.name, default, words.get(each.name, "")))
    return tuple(found)


def _comments(config: type) -> dict[str, str]:
    """The comment on the line of each field, of the nearest class that has it."""
    found: dict[str, str] = {}
    for cls in reversed(config.__mro__[:-1]):
        try:
            source = inspect.getsource(cls)
        except (OSError, TypeError):
            continue
        found |= dict(re.findall(r"^    (\w+): [^#\n]*#\s*(.+)$", source, re.MULTILINE))
    return found
