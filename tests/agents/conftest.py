"""Fixtures of the tests of agents: a task of each kind, and each agent with values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.value_agents import AGENTS
from textgen_env import BaseTask


@pytest.fixture(params=["unconditional", "conditional"])
def task(request: pytest.FixtureRequest, echo_task: BaseTask) -> BaseTask | None:
    """No task, for that of an id, and a conditional one."""
    return echo_task if request.param == "conditional" else None


@pytest.fixture(params=AGENTS)
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Each agent with values in turn, of the envs and a seed."""
    kind, config = AGENTS[request.param]
    return lambda envs, seed=0: kind(envs, config, seed)
