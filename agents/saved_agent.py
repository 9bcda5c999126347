"""What is kept of an agent with networks, optimisers and generators, and how one is put back where it stood."""

from __future__ import annotations

from dataclasses import asdict, fields
from os import PathLike, fspath
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from agents.checkpoint import Checkpoint, read_checkpoint
from agents.network_config import NetworkConfig
from agents.networks import PolicyNetwork
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


class SavedPolicy(NamedTuple):
    """The network of a saved agent, whose class is named `agent`, with what it was built of."""

    agent: str
    spec: TextSpec
    config: NetworkConfig
    network: PolicyNetwork


def read_policy(path: str | PathLike[str]) -> SavedPolicy:
    """The policy of a saved agent of any class, to look at.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no saved agent, or one without a policy network.
    """
    saved = read_checkpoint(path)
    part = "network."
    state = {name.removeprefix(part): each for name, each in saved.tensors.items() if name.startswith(part)}
    if not state:
        raise ValueError(f"path={fspath(path)!r} holds a {saved.agent}, which has no policy network")
    names = {field.name for field in fields(NetworkConfig)} & saved.config.keys()
    try:
        config = NetworkConfig(**{name: saved.config[name] for name in names})
        has_values = "value.weight" in state
        network = PolicyNetwork(saved.spec, generator=torch.Generator(), value_head=has_values, **config.network)
        network.load_state_dict(state)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"path={fspath(path)!r} holds a {saved.agent} that does not fit together: {error}") from None
    return SavedPolicy(saved.agent, saved.spec, config, network)
