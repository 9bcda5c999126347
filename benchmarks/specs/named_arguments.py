"""Arguments of what has a name, listed for a person to read."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.specs.named import Argument, agent_names, environment_ids, named_agent, of_reward, of_task
from benchmarks.specs.settings import no_such
from textgen_env.descriptions import describe
from textgen_env.specs import REWARDS, TASKS


def listed(name: str) -> str:
    """The arguments of an agent, an environment, a task or a reward, a line each, or its description.

    Raises:
        ValueError: no such name.
        ImportError: a library that it needs is not installed.
    """
    if name in environment_ids():
        how = "Set them with --set env.NAME=VALUE, the reward's with --set env.reward.NAME=VALUE."
        return f"{describe(name)}\n\n{how}"
    if name in agent_names() or ":" in name:
        return _lines(f"agent {name}: set with --set agent.NAME=VALUE", named_agent(name).arguments)
    if name in TASKS:
        return _lines(f"task {name}: set with --set env.NAME=VALUE", of_task(name))
    if name in REWARDS:
        return _lines(f"reward {name}: set with --set env.reward.NAME=VALUE", of_reward(name))
    raise ValueError(f"NAME={name!r} {no_such(name, [*agent_names(), *environment_ids(), *TASKS, *REWARDS])}")


def _lines(title: str, arguments: Iterable[Argument]) -> str:
    rows = [(each.name + (f" = {each.default}" if each.default else ""), each.words) for each in arguments]
    width = max((len(left) for left, _ in rows), default=0)
    return "\n".join([title, *(f"  {left:<{width}}  {right}".rstrip() for left, right in rows or [("none", "")])])
