"""Hyperparameters of a policy network, which every agent with one has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from agents.networks.attention import SCORES
from textgen_env.checks import check_at_least, check_choice

NetworkCell = Literal["lstm", "gru", "transformer"]
AttentionName = Literal["none", "dot", "general", "additive"]


# Of one layer: its weights take a gibibyte.
MOST_SIZE = 2**14


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network; see `agents.networks.policy_network.PolicyNetwork`."""

    embedding_size: int = 32  # E
    hidden_size: int = 64  # H
    cell: NetworkCell = "gru"  # "lstm", "gru" or "transformer"
    layers: int = 2  # L, of a Transformer; LSTM and GRU have one
    heads: int = 4  # of each layer of a Transformer; they divide H
    attention: AttentionName = "none"  # to the source, of conditional tasks: "none", "dot", "general" or "additive"

    def __post_init__(self) -> None:
        for name in ("embedding_size", "hidden_size", "layers", "heads"):
            check_at_least(name, getattr(self, name), most=MOST_SIZE)
        check_choice("cell", self.cell, ("lstm", "gru", "transformer"))
        check_choice("attention", self.attention, ("none", *SCORES))
        if self.cell == "transformer" and self.hidden_size % self.heads:
            raise ValueError(f"heads={self.heads} must divide hidden_size={self.hidden_size}: each has a part of it")

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of `PolicyNetwork`, by name, as far as the cell has them: two agents with the same ones have
        networks that compute the same."""
        of_all = "embedding_size", "hidden_size", "cell", "attention"
        names = (*of_all, "layers", "heads") if self.cell == "transformer" else of_all
        return {name: getattr(self, name) for name in names}
