"""What is kept of an agent with networks, optimisers and generators, and how one is put back where it stood."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from agents.checkpoint import Checkpoint
from agents.text_spec import TextSpec


class Kept(Protocol):
    """An agent that can be kept.

    Attributes:
        spec, config: of which it is built anew.
        generator, sampling_generator: its generators.
        counters: names of its attributes that are whole numbers to keep.
    """

    spec: TextSpec
    config: Any
    generator: torch.Generator
    sampling_generator: torch.Generator
    counters: Any

    def _networks(self) -> dict[str, nn.Module]: ...

    def _optimisers(self) -> dict[str, torch.optim.Adam]: ...

    def _memory(self) -> dict[str, Tensor]: ...


def checkpoint_of(agent: Kept) -> Checkpoint:
    """Parameters, the optimisers' moments, the generators and the counters."""
    tensors: dict[str, Tensor] = {}
    for part, network in agent._networks().items():
        tensors |= {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
    for part, optimiser in agent._optimisers().items():
        for index, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"{part}.{index}.{name}": tensor for name, tensor in moments.items()}
    tensors |= agent._memory()
    tensors["generator"] = agent.generator.get_state()
    tensors["sampling_generator"] = agent.sampling_generator.get_state()
    counters = {name: getattr(agent, name) for name in agent.counters}
    return Checkpoint(type(agent).__name__, agent.spec, asdict(agent.config), counters, tensors)


def restore(agent: Kept, saved: Checkpoint) -> None:
    """Puts an agent that was built of a checkpoint's `spec` and `config` where the kept one stood.

    Raises:
        KeyError, ValueError, RuntimeError: tensors or counters that are missing or do not fit.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in saved.tensors.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = tensor
    for part, network in agent._networks().items():
        network.load_state_dict(parts[part])
    for part, optimiser in agent._optimisers().items():
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts.get(part, {}).items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    agent.generator.set_state(saved.tensors["generator"])
    agent.sampling_generator.set_state(saved.tensors["sampling_generator"])
    for name in agent.counters:
        setattr(agent, name, saved.counters[name])
