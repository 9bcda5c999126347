"""Base of all agents: config, generators, counters, network and optimiser, update step, checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from inspect import isfunction
from os import PathLike
from typing import Any, ClassVar, Self, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from agents.bases.checkpoint import (
    Checkpoint,
    check_moments,
    checked_table,
    fitting_together,
    read_checkpoint,
    write_checkpoint,
)
from agents.data.text_spec import TextSpec
from agents.networks.policy_network import PolicyNetwork
from agents.protocol import BoolArray, Callback, Envs, IntArray, Observation, Progress, State
from textgen_env.checks import check_at_least
from textgen_env.models.device import checked_device
from textgen_env.models.threads import threads_for
from textgen_env.models.torch_settings import usual_torch

Method = TypeVar("Method", bound=Callable[..., Any])
# Methods of an agent that compute in torch, by whatever class they are defined.
COMPUTING = ("train", "gather", "learn", "imitate", "policy_loss", "sample", "log_prob", "initialise_from")
# Those of them that are the network's work alone, and play nothing.
OF_THE_NETWORK = ("learn", "imitate", "sample", "log_prob", "gradient_step", "_choose")


def _on_few_threads(method: Method) -> Method:
    """The method, on one thread of torch's where the agent's network is small."""

    @wraps(method)
    def called(self: TrainableAgent, *args: Any, **kwargs: Any) -> Any:
        with threads_for(getattr(self.config, "hidden_size", 0), self.device):
            return method(self, *args, **kwargs)

    return cast(Method, called)


class TrainableAgent:
    """Base of all agents. A subclass names its `config_class` and defines `_choose` and `train`; in `_build` it makes
    its networks, optimisers and tables, and names those that are saved in `_networks`, `_optimisers` and `tables`.

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
        network, parameters, optimiser: of agents with a network; `parameters` are those that are trained.
        updates, tokens_generated, tokens_read, tokens_rolled_out: in all of its training.

    Raises:
        TypeError, ValueError: envs that are no text environments, a config of another class, a seed below 0, a device
            that is not there.
    """

    config_class: ClassVar[type[Any]]
    # Whole numbers that are saved, 0 at first.
    counters: ClassVar[tuple[str, ...]] = ("updates", "tokens_generated", "tokens_read", "tokens_rolled_out")
    # Arrays that are saved.
    tables: ClassVar[tuple[str, ...]] = ()
    spec: TextSpec
    config: Any
    device: torch.device
    generator: torch.Generator
    sampling_generator: torch.Generator
    network: PolicyNetwork
    parameters: list[nn.Parameter]
    optimiser: torch.optim.Adam
    updates: int
    tokens_generated: int
    tokens_read: int
    tokens_rolled_out: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Lets no agent depend on torch's global settings, those of users' own included."""
        super().__init_subclass__(**kwargs)
        for name in COMPUTING:
            method = vars(cls).get(name)
            if isfunction(method):
                setattr(cls, name, usual_torch()(method))
        for name in OF_THE_NETWORK:
            method = vars(cls).get(name)
            if isfunction(method):
                setattr(cls, name, _on_few_threads(method))

    @usual_torch()
    def __init__(self, envs: Envs, config: Any = None, seed: int = 0, device: str = "cpu") -> None:
        self._build(TextSpec.from_envs(envs), self.config_class() if config is None else config, seed, device)

    @property
    def tokens_spent(self) -> int:
        """Tokens written, read and rolled out, in all of its training."""
        return self.tokens_generated + self.tokens_read + self.tokens_rolled_out

    @usual_torch()
    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """The next token of each text; see `agents.protocol.Agent`.

        Raises:
            ValueError: a row of `action_masks` that allows nothing.
            FloatingPointError: logits or values that are not finite.
        """
        return self._choose(observation, state, episode_start, deterministic, action_masks, exploring=False)

    @usual_torch()
    def explore(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """As `predict`, but of the policy that learning plays with, and drawn from the generator of learning."""
        return self._choose(observation, state, episode_start, deterministic, action_masks, exploring=True)

    @usual_torch()
    def save(self, path: str | PathLike[str]) -> None:
        """Writes parameters, the optimisers' moments, tables and random generators: an agent that is loaded goes on
        learning bit for bit as this one does (on the CPU)."""
        write_checkpoint(path, self._checkpoint())

    @classmethod
    @usual_torch()
    def load(cls, path: str | PathLike[str], device: str = "cpu") -> Self:
        """The agent that `save` wrote, on any device.

        Raises:
            FileNotFoundError: no such file.
            textgen_env.files.UnreadableFile: no saved agent, truncated, changed, be it by a bit, or of another class or
                version.
        """
        saved = read_checkpoint(path, cls.__name__)
        agent = cls.__new__(cls)
        with fitting_together(path, cls.__name__):
            agent._build(saved.spec, cls.config_class(**saved.config), 0, device)
            agent._restore(saved)
        return agent

    def report_progress(
        self, callback: Callback | None, mean_return: float, losses: dict[str, float], phase: str = ""
    ) -> bool:
        """Tells the callback where training stands; False if it asks to stop."""
        progress = Progress(self.tokens_generated, self.tokens_read, mean_return, losses, phase, self.tokens_rolled_out)
        answer = None if callback is None else callback(progress)
        # A comparison of NumPy's or torch's answers with a False of its own.
        return answer is None or bool(answer)

    @_on_few_threads
    def gradient_step(
        self,
        loss: Tensor,
        terms: dict[str, Tensor],
        optimiser: torch.optim.Adam | None = None,
        batch: object = None,
    ) -> dict[str, float]:
        """One step of the optimiser (`self.optimiser` by default) down `loss`; its terms as numbers. The gradient of
        each of the optimiser's groups is shortened by itself: a critic far off its target does not slow the policy.

        Args:
            batch: whose loss it is; an error describes it by `str`.

        Raises:
            FloatingPointError: a term or the gradient that is not finite; no parameter is changed then.
        """
        values = {name: float(term.detach()) for name, term in terms.items()}
        optimiser = self.optimiser if optimiser is None else optimiser
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        most = self.config.max_grad_norm
        norms = [float(nn.utils.clip_grad_norm_(group["params"], most)) for group in optimiser.param_groups]
        rate = optimiser.param_groups[0]["lr"]
        self.check_finite({**values, "gradient norm": math.hypot(*norms)}, batch, f"learning_rate={rate}")
        optimiser.step()
        self.updates += 1
        return values

    def check_finite(self, values: dict[str, float], batch: object, lower: str) -> None:
        """Refuses `values` of a `batch` that are not finite; the remedy is to lower `lower`.

        Raises:
            FloatingPointError: naming the agent, the number, the update and the batch.
        """
        for name, value in values.items():
            if not np.isfinite(value):
                of = "" if batch is None else f"; its batch: {batch}"
                raise FloatingPointError(
                    f"{type(self).__name__}: {name} is {value} in update {self.updates + 1}{of}; lower {lower}, or "
                    "look at the rewards"
                )

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

    def _add_network(self, value_head: bool = False) -> None:
        """Makes `network`, drawn from the generator of learning, with its optimiser (Adam; Kingma and Ba 2015)."""
        network = PolicyNetwork(self.spec, generator=self.generator, value_head=value_head, **self.config.network)
        self.network = network.to(self.device)
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = self._adam(self.config.learning_rate)

    def _adam(self, learning_rate: float) -> torch.optim.Adam:
        return torch.optim.Adam(self.parameters, lr=learning_rate, fused=True)

    def _choose(
        self,
        observation: Observation,
        state: State,
        episode_start: BoolArray | None,
        deterministic: bool,
        action_masks: BoolArray | None,
        exploring: bool,
    ) -> tuple[IntArray, State]:
        """`explore` if `exploring`, else `predict`."""
        raise NotImplementedError(f"{type(self).__name__} must define _choose, the next tokens of its policy")

    def _networks(self) -> dict[str, nn.Module]:
        """Networks that are saved, by the name they are saved under."""
        return {"network": self.network} if hasattr(self, "network") else {}

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        """Optimisers that are saved, by the name they are saved under."""
        return {"optimiser": self.optimiser} if hasattr(self, "optimiser") else {}

    def _memory(self) -> dict[str, Tensor]:
        """Tensors that are saved besides, by name; a subclass that has some takes them back in `_restore`."""
        return {}

    def _checkpoint(self) -> Checkpoint:
        tensors: dict[str, Tensor] = {}
        for part, network in self._networks().items():
            tensors |= {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
        for part, optimiser in self._optimisers().items():
            for index, moments in optimiser.state_dict()["state"].items():
                tensors |= {f"{part}.{index}.{name}": tensor for name, tensor in moments.items()}
        tensors |= {name: torch.from_numpy(getattr(self, name)) for name in self.tables}
        tensors |= self._memory()
        tensors["generator"] = self.generator.get_state()
        tensors["sampling_generator"] = self.sampling_generator.get_state()
        counters = {name: getattr(self, name) for name in self.counters}
        return Checkpoint(type(self).__name__, self.spec, asdict(self.config), counters, tensors)

    def _restore(self, saved: Checkpoint) -> None:
        """Puts an agent that was built of a checkpoint's `spec` and `config` where the saved one stood.

        Raises:
            KeyError, ValueError, RuntimeError: tensors or counters that are missing or do not fit.
        """
        for name in self.tables:
            setattr(self, name, checked_table(name, saved.tensors[name].numpy(), getattr(self, name)))
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
            check_moments(part, moments, [each for group in optimiser.param_groups for each in group["params"]])
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        self.generator.set_state(saved.tensors["generator"])
        self.sampling_generator.set_state(saved.tensors["sampling_generator"])
        for name in self.counters:
            setattr(self, name, saved.counters[name])
