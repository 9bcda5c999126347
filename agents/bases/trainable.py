"""What the agents share that learn: a config, generators, counts of what they have spent, and a file to be kept in."""

from __future__ import annotations

from dataclasses import asdict, fields
from os import PathLike, fspath
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from agents.bases.checkpoint import Checkpoint, fitting_together, read_checkpoint, write_checkpoint
from agents.data.text_spec import TextSpec
from agents.networks.config import NetworkConfig
from agents.networks.policy_network import PolicyNetwork
from agents.protocol import Callback, Envs, Progress
from textgen_env.checks import check_at_least
from textgen_env.models.device import checked_device


class SavedAgent:
    """A subclass names its `config_class`; in `_build` it makes its networks, optimisers and tables, and names those
    that are kept in `_networks`, `_optimisers` and `_memory`.

    Args:
        envs: a vector environment of the texts to write; only their shape is taken from it.
        config: hyperparameters; the class's defaults if None.
        seed: of learning, initial parameters included, and of `sample` and `predict`, which have a generator of their
            own: looking at an agent does not change how it learns.
        device: where it computes; random numbers are drawn on the CPU all the same.

    Attributes:
        spec: the texts' shape.
        config: the hyperparameters.
        device: as given.
        updates, tokens_generated, tokens_read, tokens_rolled_out: in all of its training.

    Raises:
        TypeError, ValueError: envs that are no text environments, a config of another class, a seed below 0, a device
            that is not there.
    """

    config_class: ClassVar[type[Any]]
    # Whole numbers that are saved, 0 at first.
    counters: ClassVar[tuple[str, ...]] = ("updates", "tokens_generated", "tokens_read", "tokens_rolled_out")
    spec: TextSpec
    config: Any
    device: torch.device
    generator: torch.Generator
    sampling_generator: torch.Generator
    updates: int
    tokens_generated: int
    tokens_read: int
    tokens_rolled_out: int

    def __init__(self, envs: Envs, config: Any = None, seed: int = 0, device: str = "cpu") -> None:
        self._build(TextSpec.from_envs(envs), self.config_class() if config is None else config, seed, device)

    @property
    def tokens_spent(self) -> int:
        """Tokens written, read and rolled out, in all of its training."""
        return self.tokens_generated + self.tokens_read + self.tokens_rolled_out

    def save(self, path: str | PathLike[str]) -> None:
        """Writes parameters, the optimisers' moments, tables and random generators: an agent that is loaded goes on
        learning bit for bit as this one does (on the CPU)."""
        write_checkpoint(path, self._checkpoint())

    @classmethod
    def load(cls, path: str | PathLike[str], device: str = "cpu") -> Self:
        """The agent that `save` wrote, on any device.

        Raises:
            FileNotFoundError: no such file.
            ValueError: no saved agent, truncated, or of another class or version.
        """
        saved = read_checkpoint(path, cls.__name__)
        agent = cls.__new__(cls)
        with fitting_together(path, cls.__name__):
            agent._build(saved.spec, cls.config_class(**saved.config), 0, device)
            agent._restore(saved)
        return agent

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        if not isinstance(config, self.config_class):
            raise TypeError(f"config={config!r} must be a {self.config_class.__name__}")
        # Hashed, so that no generator repeats the numbers that a task drew its data with from the same small seed.
        seeds = np.random.SeedSequence(check_at_least("seed", seed, least=0)).generate_state(2, np.uint64).tolist()
        self.generator, self.sampling_generator = (torch.Generator().manual_seed(each) for each in seeds)
        self.device = torch.device(checked_device("device", device))
        self.spec, self.config = spec, config
        for name in self.counters:
            setattr(self, name, 0)

    def _goes_on(
        self, callback: Callback | None, mean_return: float, losses: dict[str, float], phase: str = ""
    ) -> bool:
        progress = Progress(self.tokens_generated, self.tokens_read, mean_return, losses, phase, self.tokens_rolled_out)
        return callback is None or callback(progress) is not False

    def _networks(self) -> dict[str, nn.Module]:
        """All networks that are saved, by the name they are saved under."""
        return {}

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        """All optimisers that are saved, by the name they are saved under."""
        return {}

    def _memory(self) -> dict[str, Tensor]:
        """What else is saved, by name; a subclass that has some takes it back in `_restore`."""
        return {}

    def _checkpoint(self) -> Checkpoint:
        tensors: dict[str, Tensor] = {}
        for part, network in self._networks().items():
            tensors |= {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
        for part, optimiser in self._optimisers().items():
            for index, moments in optimiser.state_dict()["state"].items():
                tensors |= {f"{part}.{index}.{name}": tensor for name, tensor in moments.items()}
        tensors |= self._memory()
        tensors["generator"] = self.generator.get_state()
        tensors["sampling_generator"] = self.sampling_generator.get_state()
        counters = {name: getattr(self, name) for name in self.counters}
        return Checkpoint(type(self).__name__, self.spec, asdict(self.config), counters, tensors)

    def _restore(self, saved: Checkpoint) -> None:
        """Puts an agent that was built of a checkpoint's `spec` and `config` where the kept one stood.

        Raises:
            KeyError, ValueError, RuntimeError: tensors or counters that are missing or do not fit.
        """
        parts: dict[str, dict[str, Tensor]] = {}
        for key, tensor in saved.tensors.items():
            part, _, name = key.partition(".")
            parts.setdefault(part, {})[name] = tensor
        for part, network in self._networks().items():
            network.load_state_dict(parts[part])
        for part, optimiser in self._optimisers().items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, tensor in parts.get(part, {}).items():
                index, _, name = key.partition(".")
                moments.setdefault(int(index), {})[name] = tensor
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        self.generator.set_state(saved.tensors["generator"])
        self.sampling_generator.set_state(saved.tensors["sampling_generator"])
        for name in self.counters:
            setattr(self, name, saved.counters[name])


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
    with fitting_together(path, saved.agent):
        config = NetworkConfig(**{name: saved.config[name] for name in names})
        has_values = "value.weight" in state
        network = PolicyNetwork(saved.spec, generator=torch.Generator(), value_head=has_values, **config.network)
        network.load_state_dict(state)
    return SavedPolicy(saved.agent, saved.spec, config, network)
