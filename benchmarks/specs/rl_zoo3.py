"""Tuned settings of Stable-Baselines3's algorithms in the YAML of rl_zoo3 (RL Baselines3 Zoo)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.specs.experiment import Algorithm
from benchmarks.specs.named import HALF_LIFE, OF_ALGORITHM, PREFIX, SB3, named_agent, whole_texts
from benchmarks.specs.settings import no_such
from benchmarks.specs.tuned import FOLDER, Tuned, settings_of

READER = "__import__('textgen_env.sb3', fromlist=['policy_kwargs']).policy_kwargs"
"""rl_zoo3 evaluates strings of `policy_kwargs`."""


def as_yaml(agent: str, folder: Path = FOLDER) -> str:
    """The tuned settings of an agent, for `python -m rl_zoo3.train --algo ppo --env ID --conf-file FILE
    --gym-packages textgen_env`.

    Raises:
        ValueError: an agent that is not Stable-Baselines3's, or one without tuned settings.
        benchmarks.specs.tuned.SettingsRefused: the file of settings cannot be read.
    """
    if agent.removeprefix(PREFIX) not in SB3 or not agent.startswith(PREFIX):
        raise ValueError(f"--rl-zoo3: {agent!r} {no_such(agent, [PREFIX + name for name in SB3])}")
    # What rl_zoo3 has no entry for are environments with arguments, as those of the suite are.
    places = [each for each in settings_of(agent, folder) if not each.place.arguments and not each.place.suite]
    tuned = [each for each in places if each.place.environment]
    if not tuned:
        raise ValueError(f"--rl-zoo3: {agent} has no tuned settings in {folder}; `tune --agent {agent}` finds some")
    return "\n".join(_entry(each) for each in tuned)


def _entry(tuned: Tuned) -> str:
    settings = {name: value for name, value in tuned.settings.items() if name not in (*OF_ALGORITHM, HALF_LIFE)}
    task, named = _task(tuned), named_agent(tuned.agent)
    given = settings.pop("policy_kwargs", {})
    content: dict[str, Any] = {
        "n_timesteps": tuned.found["tokens"],
        "policy": named.policies[task.sources is not None],
        "n_envs": tuned.settings.get("num_envs", Algorithm.num_envs),
        **whole_texts(named, task),
        **settings,
        "policy_kwargs": f"{READER}({', '.join(f'{name}={value!r}' for name, value in given.items())})",
    }
    lines = [f"# {tuned.in_words}: {tuned.found['tuned']:.4g}, default {tuned.found['default']:.4g}"]
    if HALF_LIFE in tuned.settings:
        lines.append(f"# without {HALF_LIFE}={tuned.settings[HALF_LIFE]}, which rl_zoo3 does not know")
    return "\n".join([*lines, f"{tuned.place.environment}:", *_lines(content)])


def _lines(content: Mapping[str, Any]) -> list[str]:
    return [f"  {name}: {_value(value)}" for name, value in content.items()]


def _value(value: Any) -> str:
    """As YAML 1.1 reads it, for which a number without a point is no fraction."""
    if isinstance(value, float):
        mantissa, exponent, power = repr(value).partition("e")
        return (mantissa if "." in mantissa else f"{mantissa}.0") + exponent + power
    return json.dumps(value, ensure_ascii=False)


def _task(tuned: Tuned) -> Any:
    from benchmarks.policies.environments import made_environment

    return made_environment(tuned.place.environment, tuned.place.arguments).unwrapped.task
