"""Checks of an experiment's parts before anything runs: environments are made, agents looked at, settings tried."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents import AGENTS
from benchmarks.specs.experiment import Algorithm, Experiment, Run
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


def check_made(algorithm: Algorithm, experiment: Experiment) -> None:
    """Makes the agent in its environment, as its runs will, has it learn for a token, and lets it go: what it refuses
    there is refused before anything runs. A class of one's own is not made: it was looked at in a process of its own.

    Raises:
        ValueError: what it says.
    """
    from benchmarks.policies.agent import AgentAdapter

    # By itself, whatever it begins as.
    alone = replace(algorithm, init_from="", init_at="end")
    kwargs = {**experiment.env_kwargs, **algorithm.env_kwargs}
    run = Run(experiment.name, alone, 0, algorithm.env_id or experiment.env_id, kwargs, experiment.evaluation)
    try:
        # What is warned of is told by the run.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if algorithm.kind == "sb3":
                from benchmarks.policies.sb3 import SB3Adapter

                SB3Adapter(run)
            elif ":" not in algorithm.agent:
                adapter = AgentAdapter(run)
                if algorithm.total_tokens and not algorithm.init_from:
                    # Some see what reward they learn from only as they begin.
                    adapter.train(1, lambda progress: False)
    # Of Stable-Baselines3, assertions too.
    except (ValueError, TypeError, AssertionError, RuntimeError) as error:
        raise ValueError(f"agent {algorithm.label} cannot be made in {run.env_id}: {error}") from None


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
