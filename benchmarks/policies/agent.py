"""Adapter of the agents of agents/, and of any other that follows their Protocol."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from agents import AGENTS
from agents.bases.policy_agent import PolicyAgent
from agents.data.episodes import Predict
from agents.decoding.decode import decode
from agents.exact import HasProbabilities, policy_table, table_of_log_probs
from agents.protocol import Agent, FloatArray, IntArray, Progress
from agents.testing import protocol_problems
from benchmarks.measures.measured import Decoding, NoLikelihood
from benchmarks.policies.adapter import Counts, Watch, source_tokens
from benchmarks.policies.environments import make_envs
from benchmarks.specs.experiment import Run
from textgen_env import Task, Texts
from textgen_env.solve import TextMDP


class AgentLikelihoods:
    """Likelihoods of an agent of the Protocol in agents/protocol.py, as measures ask for them.

    Attributes:
        agent: whose they are, an `Agent` or what has its `log_prob`, as a kept model of Stable-Baselines3.
    """

    agent: Any

    @classmethod
    def of(cls, agent: Any) -> AgentLikelihoods:
        """Those of an agent that is there already."""
        found = AgentLikelihoods()
        found.agent = agent
        return found

    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """The agent's own."""
        found: FloatArray = self.agent.log_prob(texts.tokens, texts.lengths, source_tokens(texts, task))
        return found

    def policy(self, mdp: TextMDP) -> FloatArray:
        """By the agent's own probabilities, or its network's; else from `log_prob` of all texts."""
        if isinstance(self.agent, HasProbabilities | PolicyAgent):
            return policy_table(self.agent, mdp)
        if not mdp.allowed.all():
            raise NoLikelihood(
                "its probabilities are not known where tokens are masked: it has neither `action_probabilities` nor a "
                "policy network"
            )
        try:
            return table_of_log_probs(self.agent.log_prob, mdp)
        except ValueError as error:
            raise NoLikelihood(str(error)) from None

    def decoded(self, envs: Any, method: Decoding, n: int, sources: IntArray | None, width: int) -> Texts:
        """By `agents.decoding.decode`; samples are drawn from the seed 0."""
        options: dict[Decoding, dict[str, Any]] = {
            "beam": {"width": width},
            "sample": {"generator": torch.Generator().manual_seed(0)},
        }
        try:
            return decode(self.agent, envs, n, method, sources=sources, **options.get(method, {})).texts
        except TypeError as error:
            raise NoLikelihood(str(error)) from None


class AgentAdapter(AgentLikelihoods):
    """Adapter of an agent of the Protocol in agents/protocol.py: a `ResumableAdapter`.

    Args:
        run: whose algorithm names the agent.
        parent: file of the agent that it begins as; for a run that has a parent.
        spent: by the parent, and counted on from.

    Raises:
        ValueError: an import path that leads nowhere; hyperparameters for an agent without a `config_class`; a parent
            whose policy does not fit.
        TypeError: a class that breaks the Protocol, or lacks what the run asks for beyond it; unknown
            hyperparameters.
    """

    def __init__(self, run: Run, parent: Path | None = None, spent: Counts = (0, 0, 0)) -> None:
        algorithm = run.algorithm
        self.agent_class = load_agent_class(algorithm.agent, algorithm.masked)
        config = _config(self.agent_class, algorithm.agent, algorithm.hyperparameters)
        self.device = _device_argument(self.agent_class, run)
        self.envs = make_envs(run.env_id, algorithm.num_envs, run.env_kwargs, run.device)
        self._hold(self.agent_class(self.envs, config=config, seed=run.seed, **self.device))
        if parent is not None and run.parent is not None:
            _initialise(self.agent, algorithm.agent, run.parent.algorithm.agent, parent)
        # An agent that began as another may have taken over what that one counted.
        generated, read, rolled_out = _counts(self.agent)
        self.offset: Counts = (spent[0] - generated, spent[1] - read, spent[2] - rolled_out)

    def train(self, total_tokens: int, watch: Watch) -> None:
        """The agent's own training."""
        generated, read, rolled_out = self.offset

        def callback(progress: Progress) -> bool:
            return watch(
                replace(
                    progress,
                    tokens_generated=progress.tokens_generated + generated,
                    tokens_read=progress.tokens_read + read,
                    tokens_rolled_out=progress.tokens_rolled_out + rolled_out,
                )
            )

        self.agent.train(self.envs, total_tokens, callback)

    def drawing(self, seed: int) -> AbstractContextManager[None]:
        """Nothing to do: `predict` draws from a generator of its own, seeded with the agent."""
        return nullcontext()

    def save(self, path: Path) -> None:
        """As the agent's own `save`."""
        self.agent.save(path)

    def load(self, path: Path) -> None:
        """Takes the agent that was saved there in place of this one; raises as its own `load`."""
        self._hold(self.agent_class.load(path, **self.device))

    def _hold(self, agent: Agent) -> None:
        self.agent = agent
        self.predict: Predict = agent.predict


def load_agent_class(name: str, masked: bool = False) -> Any:
    """The class of a registered name, or at an import path; `masked` where it must take action masks.

    Raises:
        ValueError: nothing there.
        TypeError: it breaks the Protocol; all that is wrong.
    """
    agent_class = AGENTS.load(name)
    problems = protocol_problems(agent_class, masked)
    if problems:
        raise TypeError(f"{name} is no agent: {'; '.join(problems)}; see agents/protocol.py")
    return agent_class


def _initialise(agent: Any, name: str, parent_name: str, parent: Path) -> None:
    if not callable(getattr(agent, "initialise_from", None)):
        raise TypeError(
            f"{name} cannot start from another agent's policy: it lacks `initialise_from`; leave init_from out"
        )
    agent.initialise_from(load_agent_class(parent_name).load(parent))


def _counts(agent: Any) -> Counts:
    generated, read, rolled_out = (
        int(getattr(agent, name, 0)) for name in ("tokens_generated", "tokens_read", "tokens_rolled_out")
    )
    return generated, read, rolled_out


def _device_argument(agent_class: Any, run: Run) -> dict[str, str]:
    if run.device == "cpu":
        return {}
    methods = (agent_class, agent_class.load)
    if all("device" in inspect.signature(method).parameters for method in methods):
        return {"device": run.device}
    if not run.algorithm.total_tokens:
        return {}
    raise TypeError(
        f"{run.algorithm.agent} knows no device {run.device!r}: its constructor and its `load` take no `device`; run "
        "it with --device cpu"
    )


def _config(agent_class: Any, path: str, hyperparameters: Mapping[str, Any]) -> Any:
    if not hyperparameters:
        return None
    config_class = getattr(agent_class, "config_class", None)
    if config_class is None:
        raise ValueError(
            f"{path} has no `config_class` to take hyperparameters {sorted(hyperparameters)}; leave them out"
        )
    return config_class(**hyperparameters)
