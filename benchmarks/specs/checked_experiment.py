"""Checks of an experiment's parts before anything runs: environments are made, agents looked at, settings tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents import AGENTS
from benchmarks.specs.experiment import Algorithm
from benchmarks.specs.file_digests import refuse_missing
from benchmarks.specs.named import NamedAgent, check_config


def check_place(env_id: str, kwargs: Mapping[str, Any]) -> Any:
    """The task of an environment, which is made.

    Raises:
        ValueError, TypeError: an environment, or arguments, that there are not.
        FileNotFoundError: a file that it is to read.
    """
    from benchmarks.policies.environments import made_environment

    refuse_missing(kwargs)
    return made_environment(env_id, kwargs).unwrapped.task


def named_algorithm(read: Mapping[str, Any], named: NamedAgent, task: Any) -> Algorithm:
    """The algorithm of fields that were read, its agent by name.

    Raises:
        ValueError: fields that are not allowed.
    """
    if named.kind == "agent":
        return Algorithm(**read)
    given = read.get("hyperparameters", {})
    by_name = named.of_sb3(given, task)
    # The import path is the Python form, which sets nothing by itself.
    own = {"hyperparameters": by_name["hyperparameters"]} if read["agent"] != named.path else {}
    return Algorithm(**{**by_name, **read, **own, "agent": named.path})


def check_algorithm(algorithm: Algorithm) -> None:
    """
    Raises:
        ValueError: hyperparameters that the agent refuses; a class that is no agent; one that cannot begin as another.
    """
    from benchmarks.policies.user_agents import check_own_agent

    if algorithm.kind != "agent":
        return
    check_own_agent(algorithm.agent, algorithm.masked)
    check_config(algorithm.agent, algorithm.label, algorithm.hyperparameters)
    if algorithm.init_from and not callable(getattr(AGENTS.load(algorithm.agent), "initialise_from", None)):
        raise ValueError(f"init_from: {algorithm.agent} cannot begin as another agent; leave it out")
