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
from benchmarks.specs.import_path import look_in_current_folder
from benchmarks.specs.settings import no_such
from textgen_env.environments import TABLE, find_spec, writes_texts
from textgen_env.registries import UntrustedPath, load_object
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
# Those that do not choose among tokens, or not text by text: name -> why.
CONTINUOUS = "acts by real numbers, and a token is one of V"
UNFIT: Mapping[str, str] = {
    **dict.fromkeys(("SAC", "TD3", "DDPG", "TQC", "CrossQ"), CONTINUOUS),
    "HER": "is a replay buffer for goals, which no text has",
    "ARS": "has a policy without features extractor, to which token ids are magnitudes",
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
        on_policy: whether it is one of Stable-Baselines3's that learn from rollouts of `n_steps`; to others that name
            is another thing.
    """

    path: str
    kind: Kind
    policies: tuple[str, str]
    arguments: tuple[Argument, ...]
    on_policy: bool = False

    def of_sb3(self, settings: Mapping[str, Any], task: Any) -> dict[str, Any]:
        """Fields of `Algorithm` that an algorithm of Stable-Baselines3 is given: its policy, and as a rollout whole
        texts."""
        own = {**whole_texts(self, task), **settings}
        return {
            "kind": "sb3",
            "policy": self.policies[task.sources is not None],
            "policy_kwargs": own.pop("policy_kwargs", None) or {},
            "hyperparameters": own,
            "masked": self.path.endswith(":MaskablePPO"),
        }


def whole_texts(agent: NamedAgent, task: Any) -> dict[str, int]:
    """The rollout of an algorithm of Stable-Baselines3, if it has one: a whole text of each row. Its own default, 2048
    steps of each of 64 rows, is past most budgets."""
    return {"n_steps": task.max_length} if agent.on_policy else {}


def agent_names() -> list[str]:
    """All there are."""
    return [*AGENTS, *(PREFIX + name for name in SB3)]


def environment_ids() -> list[str]:
    """The ids of the suite."""
    return [row.id for row in TABLE]


def named_agent(name: str) -> NamedAgent:
    """The agent of a registered name, of "sb3/PPO", or of the import path "module:Class" of a class of one's own, from
    the current folder too.

    Raises:
        ValueError: no such name, a path that leads nowhere or to no class.
        ImportError: a library that it needs is not installed.
    """
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in SB3:
        package, policies = SB3[name.removeprefix(PREFIX)]
        path = f"{package}:{name.removeprefix(PREFIX)}"
        return _sb3_agent(path, load_object(path, "agent"), policies)
    if name.removeprefix(PREFIX) in UNFIT:
        raise _unfit(name, name.removeprefix(PREFIX))
    if ":" in name:
        look_in_current_folder()
        found = load_object(name, "agent")
        if not inspect.isclass(found):
            raise ValueError(f"agent {name!r} must be a class, got {type(found).__name__}")
        if is_sb3(found):
            aliases = getattr(found, "policy_aliases", {})
            unfit = next((base.__name__ for base in inspect.getmro(found) if base.__name__ in UNFIT), "")
            if unfit:
                raise _unfit(name, unfit)
            return _sb3_agent(name, found, RECURRENT if RECURRENT[0] in aliases else PLAIN)
        return NamedAgent(name, "agent", PLAIN, _of_config(found))
    if name not in AGENTS:
        raise ValueError(f"agent {name!r} {no_such(name, [*agent_names(), 'module:Class'])}")
    return NamedAgent(name, "agent", PLAIN, _of_config(AGENTS.load(name)))


def _sb3_agent(path: str, algorithm: Any, policies: tuple[str, str]) -> NamedAgent:
    on_policy = any(base.__name__ == "OnPolicyAlgorithm" for base in inspect.getmro(algorithm))
    return NamedAgent(path, "sb3", policies, _of_sb3(algorithm), on_policy)


def _unfit(name: str, algorithm: str) -> ValueError:
    return ValueError(f"agent {name!r} {UNFIT[algorithm]}; take one of {', '.join(agent_names())}")


def is_sb3(agent_class: Any) -> bool:
    """Whether a class is an algorithm of Stable-Baselines3, or derives from one."""
    bases = inspect.getmro(agent_class) if inspect.isclass(agent_class) else ()
    return any(base.__module__.startswith("stable_baselines3.") for base in bases)


def check_config(name: str, label: str, settings: Mapping[str, Any]) -> None:
    """Refuses values that an agent's own configuration refuses, before anything is run.

    Raises:
        ValueError: what it says.
    """
    if settings:
        try:
            AGENTS.load(name).config_class(**settings)
        except (ValueError, TypeError) as error:
            raise ValueError(f"agent {label}: {error}; `arguments {name}` lists what it takes") from None


def environment_arguments(env_id: str) -> tuple[Argument, ...]:
    """The keyword arguments of a registered environment: of its task, then the game's own.

    Args:
        env_id: an id, or "module:id" of one's own, which importing the module registers, from the current folder too.

    Raises:
        ValueError: an unknown id, one that writes no texts, or a module that cannot be imported.
    """
    if env_id not in environment_ids():
        if ":" in env_id:
            look_in_current_folder()
        if not _is_ours(env_id):
            raise ValueError(f"environment {env_id!r} {no_such(env_id, [*environment_ids(), 'module:id'])}")
    task = find_spec(env_id).kwargs["task"]
    return of_task(task if isinstance(task, str) else task["name"]) + tuple(
        Argument(name, "") for name in GAME_ARGUMENTS if name != "render_mode"
    )


def _is_ours(env_id: str) -> bool:
    import gymnasium

    try:
        return writes_texts(env_id)
    except UntrustedPath:
        raise
    except gymnasium.error.Error as error:
        if ":" not in env_id:
            return False
        raise ValueError(f"environment {env_id!r}: {error}") from None
    except Exception as error:
        # Of a module of a person's own, which may raise anything as it is imported.
        raise ValueError(
            f"environment {env_id!r}: importing its module raises {type(error).__name__}: {error}"
        ) from error


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


def _of_sb3(algorithm: Any) -> tuple[Argument, ...]:
    known = inspect.signature(algorithm).parameters.values()
    half_life = Argument(HALF_LIFE, "None", "tokens until ent_coef has halved; None: constant")
    return (*(_of_parameter(each) for each in known if each.name not in GIVEN), half_life)


def _of_config(agent_class: Any) -> tuple[Argument, ...]:
    config = getattr(agent_class, "config_class", None)
    return _of_dataclass(config) if is_dataclass(config) else ()


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
