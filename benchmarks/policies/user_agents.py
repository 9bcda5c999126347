"""Agents of the user's own, added to an experiment by import path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from agents import AGENTS
from agents.testing import check_agent, protocol_problems
from benchmarks.running.worker import done_apart
from benchmarks.specs.experiment import Algorithm, Experiment
from benchmarks.specs.import_path import look_in_current_folder
from benchmarks.specs.named import is_sb3

OURS, SB3, REFUSED = "agent", "sb3", "refused"
REFUSAL = "what does not implement Agent (agents/protocol.py); nothing was run:"


def plugged_in(
    experiment: Experiment,
    agents: Sequence[str],
    tokens: int | None = None,
    modules: Sequence[str] = (),
    timeout: float | None = None,
) -> Experiment:
    """The experiment with an algorithm more for each agent; each is checked first, in a process of its own: what it
    does there reaches no run.

    Args:
        experiment: keeps its name: the runs lie in its folder and are in its table.
        agents: "module:Class" or "LABEL=module:Class", found from the current directory too; of a class of the Protocol
            in agents/protocol.py, or an algorithm of Stable-Baselines3 or sb3-contrib with its own defaults. Without a
            label the class's name is it.
        tokens: of training; the most that any of the experiment has if None.
        modules: imported before an agent is looked for: they may register it.
        timeout: seconds that the check of one may take; None for any time.

    Raises:
        ValueError: tokens below 1; a path that leads nowhere; a label that is taken or no folder's name; classes that
            break the Protocol, each with all that is wrong.
    """
    if tokens is not None and tokens < 1:
        raise ValueError(f"--tokens {tokens} must be at least 1")
    look_in_current_folder()
    budget = tokens or max((each.total_tokens for each in experiment.algorithms), default=0)
    masked = any(each.masked for each in experiment.algorithms if each.kind == "agent")
    added: list[Algorithm] = []
    wrong: list[str] = []
    for name in agents:
        label, _, path = name.rpartition("=")
        kind, problems = _looked_at(path, masked, modules, timeout)
        sb3 = kind == SB3
        wrong += [f"  {path}: {problem}" for problem in problems]
        label = label or path.rpartition(":")[2]
        if label.casefold() in (each.label.casefold() for each in (*experiment.algorithms, *added)):
            raise ValueError(
                f"--agent {name}: there is an algorithm {label!r}; give this one a label: --agent LABEL={path}"
            )
        added.append(Algorithm(label, path, budget, "sb3" if sb3 else "agent", masked=masked and not sb3))
    if wrong:
        raise ValueError("\n".join([REFUSAL, *wrong]))
    return replace(experiment, algorithms=(*experiment.algorithms, *added))


def check_own_agent(path: str, masked: bool) -> None:
    """Looks at a class of one's own, in a process of its own; at a registered name nothing is looked at.

    Raises:
        ValueError: in what it breaks the Protocol.
    """
    if ":" in path:
        look_in_current_folder()
        _, problems = _looked_at(path, masked, (), None)
        if problems:
            lines = [f"  {path}: {problem}" for problem in problems]
            raise ValueError("\n".join([REFUSAL, *lines]))


def _looked_at(path: str, masked: bool, modules: Sequence[str], timeout: float | None) -> tuple[str, list[str]]:
    """The kind of an agent, and in what it breaks the Protocol.

    Raises:
        ValueError: the path leads nowhere, or to what is no class.
    """
    try:
        kind, *lines = done_apart(path, partial(_look, masked, tuple(modules)), timeout).split("\n")
    except RuntimeError as error:
        return OURS, [str(error)]
    if kind == REFUSED:
        raise ValueError("\n".join(lines))
    return kind, lines


def _look(masked: bool, modules: Sequence[str], path: str, tell: object) -> str:
    """The kind of an agent, and, a line each, its problems."""
    for module in modules:
        import_module(module)
    try:
        agent_class = AGENTS.load(path)
    except ValueError as error:
        return f"{REFUSED}\n{error}"
    if is_sb3(agent_class):
        return SB3
    return "\n".join([OURS, *(" ".join(problem.split()) for problem in _problems(agent_class, masked))])


def _problems(agent_class: Any, masked: bool) -> list[str]:
    """In what a class breaks the Protocol, or, where its methods are as they should be, what one does wrong."""
    problems = protocol_problems(agent_class, masked)
    if not problems:
        try:
            check_agent(agent_class, masked=masked)
        except AssertionError as error:
            return [str(error)]
    return problems
