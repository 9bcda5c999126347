"""Parameters of one agent's network as another agent's: what it begins as."""

from __future__ import annotations

from torch import Tensor

from agents.bases.trainable import TrainableAgent


def fitting_parameters(agent: TrainableAgent, other: TrainableAgent) -> dict[str, Tensor]:
    """All parameters of `agent`'s network, by name, as another agent's has them; where only `agent` has a value head,
    it keeps its own.

    Raises:
        ValueError: the other agent's texts or its network have another shape.
    """
    if other.spec != agent.spec:
        raise ValueError(f"other: this agent writes {agent.spec}, the other one {other.spec}")
    ours, theirs = agent.config.network, other.config.network
    differing = [f"{name}={value!r}" for name, value in theirs.items() if ours.get(name) != value]
    if differing:
        raise ValueError(f"other: its network differs in {', '.join(differing)}; give this agent the same")
    found = other.network.state_dict()
    return {name: found.get(name, tensor) for name, tensor in agent.network.state_dict().items()}


def take_over_counts(agent: TrainableAgent, other: TrainableAgent) -> None:
    """Counts what the other agent has spent on its network as `agent`'s own."""
    for name in ("tokens_generated", "tokens_read", "tokens_rolled_out"):
        setattr(agent, name, getattr(other, name))
