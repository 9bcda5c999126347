"""What takes part in an experiment: agents of agents/ and algorithms of Stable-Baselines3, behind one interface."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents import AGENTS
from agents.bases.policy_agent import PolicyAgent
from agents.data.episodes import Predict
from agents.exact import HasProbabilities, policy_table, table_of_log_probs
from agents.protocol import Agent, Progress
from agents.testing import protocol_problems
from benchmarks.policies.environments import make_envs
from benchmarks.specs.experiment import Run
from textgen_env import Task, Texts
from textgen_env.solve import TextMDP

FloatArray = NDArray[np.float64]
Watch = Callable[[Progress], bool]
"""Called whenever the policy may have changed, with all that was spent so far; returning False stops training."""
Counts = tuple[int, int, int]
"""Of tokens generated, read and rolled out."""


class NoLikelihood(Exception):
    """The policy gives no probabilities of texts; the message says why."""


class Contestant(Protocol):
    """A policy that can be trained and measured.

    Attributes:
        predict: chooses tokens, as in Stable-Baselines3.
    """

    predict: Predict

    def train(self, total_tokens: int, watch: Watch) -> None:
        """Learns in its own environment until about `total_tokens` more tokens are spent."""
        ...

    def drawing(self, seed: int) -> AbstractContextManager[None]:
        """Within it, `predict` draws from the seed, and later training is as if it had not drawn."""
        ...

    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """log p of whole texts (N,), in nats.

        Raises:
            NoLikelihood: it has none.
        """
        ...

    def policy(self, mdp: TextMDP) -> FloatArray:
        """pi(a|s) (S, V) in every state of a game small enough to enumerate, the game's masks applied: what `predict`
        draws from.

        Raises:
            NoLikelihood: it has none.
        """
        ...


class AgentContestant:
    """An agent of the Protocol in agents/protocol.py.

    Args:
        run: whose row names the agent.
        source: file of the agent that it begins as; for a run that has a source.
        spent: by the source, and counted on from.

    Raises:
        ValueError: an import path that leads nowhere; hyperparameters for an agent without a `config_class`; a source
            whose policy does not fit.
        TypeError: a class that breaks the Protocol, or lacks what the run asks for beyond it; unknown
            hyperparameters.
    """

    def __init__(self, run: Run, source: Path | None = None, spent: Counts = (0, 0, 0)) -> None:
        row = run.row
        self.agent_class = load_agent_class(row.agent, row.masked)
        config = _config(self.agent_class, row.agent, row.hyperparameters)
        self.device = _device_argument(self.agent_class, run)
        self.envs = make_envs(run.env_id, row.num_envs, run.env_kwargs, run.device)
        self._hold(self.agent_class(self.envs, config=config, seed=run.seed, **self.device))
        if source is not None and run.source is not None:
            _adopt(self.agent, row.agent, run.source.row.agent, source)
        # An agent that adopted another may have taken over what that one counted.
        self.offset: Counts = tuple(a - b for a, b in zip(spent, _counts(self.agent), strict=True))  # type: ignore[assignment]

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

    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """The agent's own."""
        return self.agent.log_prob(texts.tokens, texts.lengths, source_tokens(texts, task))

    def policy(self, mdp: TextMDP) -> FloatArray:
        """What the agent says of itself, or what its network says, or what `log_prob` says of all texts."""
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

    def load(self, path: Path) -> None:
        """Takes the agent that was saved there in place of this one; raises as its own `load`."""
        self._hold(self.agent_class.load(path, **self.device))

    def _hold(self, agent: Agent) -> None:
        self.agent = agent
        self.predict: Predict = agent.predict


def source_tokens(texts: Texts, task: Task) -> NDArray[np.int64] | None:
    """The source tokens (N, S) of texts of a conditional task, or None."""
    return None if texts.sources is None or task.sources is None else task.sources.tokens[texts.sources]


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


def _adopt(agent: Any, path: str, source_path: str, source: Path) -> None:
    if not callable(getattr(agent, "initialise_from", None)):
        raise TypeError(
            f"{path} cannot start from another agent's policy: it lacks `initialise_from`; leave starts_from out"
        )
    agent.initialise_from(load_agent_class(source_path).load(source))


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
    if not run.row.total_tokens:
        return {}
    raise TypeError(
        f"{run.row.agent} knows no device {run.device!r}: its constructor and its `load` take no `device`; run it with "
        "--device cpu"
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
