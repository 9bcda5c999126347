"""What the agents with a policy network share: everything but how they learn."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from agents.bases.trainable import SavedAgent
from agents.data.text_spec import TextSpec, checked_masks
from agents.data.training_texts import Batch
from agents.functional.losses import cross_entropy, masked_logits
from agents.networks.policy_network import PolicyNetwork
from agents.networks.stepping import next_logits
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from textgen_env import Texts
from textgen_env.checks import check_at_least
from textgen_env.models.sampling import sample_categorical

# Hidden states held at once where many texts are scored.
CHUNK_HIDDEN = 100_000


class PolicyAgent(SavedAgent):
    """A policy network with its optimiser (Adam; Kingma and Ba 2015).

    A subclass names its `config_class`, which derives from `NetworkConfig` and has the fields learning_rate and
    max_grad_norm, and defines `train`.

    Attributes:
        network: the policy.
        batches_read: in all of its training.
        order_seed: of the orders in which training texts are read.

    Raises:
        ValueError: attention to sources that the texts do not have; and as `SavedAgent`.
    """

    counters: ClassVar[tuple[str, ...]] = (*SavedAgent.counters, "batches_read", "order_seed")
    # What the network's output means: a policy's logits are no values, nor the other way round.
    network_says: ClassVar[Literal["how likely tokens are", "what tokens are worth"]] = "how likely tokens are"
    batches_read: int
    order_seed: int

    def adopt(self, other: PolicyAgent) -> None:
        """Begins with the policy of another agent, and with what that one has spent on it.

        Raises:
            TypeError, ValueError: as `fitting_parameters`.
        """
        self.network.load_state_dict(self.fitting_parameters(other))
        for name in ("tokens_generated", "tokens_read", "tokens_rolled_out"):
            setattr(self, name, getattr(other, name))

    def fitting_parameters(self, other: PolicyAgent) -> dict[str, Tensor]:
        """All of this agent's network, by name, as another agent's has them; where only this one has a value head, it
        keeps its own.

        Raises:
            TypeError: no agent with a network, or one that says something else.
            ValueError: its texts or its network have another shape.
        """
        if not isinstance(other, PolicyAgent):
            raise TypeError(f"other={other!r} must be an agent with a policy network, got {type(other).__name__}")
        if other.network_says != self.network_says:
            raise TypeError(
                f"other={other!r}: the network of {type(self).__name__} says {self.network_says}, that of "
                f"{type(other).__name__} {other.network_says}; give an agent whose network says the same"
            )
        if other.spec != self.spec:
            raise ValueError(f"other: this agent writes {self.spec}, the other one {other.spec}")
        network = self.config.network
        differing = [f"{name}={value!r}" for name, value in other.config.network.items() if network.get(name) != value]
        if differing:
            raise ValueError(f"other: its network differs in {', '.join(differing)}; give this agent the same")
        theirs, ours = other.network.state_dict(), self.network.state_dict()
        return {name: theirs.get(name, tensor) for name, tensor in ours.items()}

    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """The next token of each text; see `agents.protocol.Agent`.

        The state remembers what it has read. A row whose observation is that text and one more token costs one step of
        the network; any other row (no state yet, a new text, a state restored in the environment) is read from its
        start, so that every call is right whatever the state handed in.

        Raises:
            ValueError: a row of `action_masks` that allows nothing.
            FloatingPointError: logits that are not finite.
        """
        return self._choose(observation, state, episode_start, deterministic, action_masks, self.sampling_generator)

    def explore(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """As `predict`, but drawn from the generator of learning: what `train` plays with."""
        return self._choose(observation, state, episode_start, deterministic, action_masks, self.generator)

    def sample(self, n: int, sources: ArrayLike | None = None) -> Texts:
        """`n` texts of the policy's own; see `agents.protocol.Agent`."""
        return self._sample(n, sources, self.sampling_generator)

    @torch.inference_mode()
    def _sample(self, n: int, sources: ArrayLike | None, generator: torch.Generator) -> Texts:
        given = self._tensor(self.spec.checked_sources(sources, check_at_least("n", n)))
        state = self.network.begin(n, given)
        sampled = self.network.decoder.sample(n, self.spec.max_length, generator, self.spec.eos_id, state=state)
        return Texts(*(array.cpu().numpy() for array in sampled))

    @torch.inference_mode()
    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """log p (N,) of whole texts, in nats; see `agents.protocol.Agent`."""
        ids, counts = self.spec.checked_texts(tokens, lengths)
        given = self.spec.checked_sources(sources, len(ids))
        size = max(1, CHUNK_HIDDEN // self.spec.max_length)
        log_probs = np.zeros(len(ids))
        for begun in range(0, len(ids), size):
            rows = slice(begun, begun + size)
            texts, lengths_there = self._tensor(ids[rows]), self._tensor(counts[rows])
            state = self.network.begin(len(texts), self._tensor(None if given is None else given[rows]))
            log_probs[rows] = self.network.decoder.log_probs(texts, lengths_there, state).double().sum(1).cpu().numpy()
        return log_probs

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        super()._build(spec, config, seed, device)
        network = PolicyNetwork(spec, generator=self.generator, value_head=self._has_value_head(), **config.network)
        self.network = network.to(self.device)
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = self._adam(config.learning_rate)
        self.order_seed = int(torch.randint(2**62, (), generator=self.generator))
        initial_std = self._initial_std()
        if initial_std is not None:
            self.network.decoder.initialise(self.generator, initial_std)

    def _adam(self, learning_rate: float) -> torch.optim.Adam:
        return torch.optim.Adam(self.parameters, lr=learning_rate, fused=True)

    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        return {"optimiser": self.optimiser}

    def _has_value_head(self) -> bool:
        return False

    def _initial_std(self) -> float | None:
        """Of N(0, std^2), which the decoder's parameters are drawn from; None keeps the network's own."""
        return None

    def _descend(
        self,
        loss: Tensor,
        terms: dict[str, Tensor],
        optimiser: torch.optim.Adam | None = None,
        batch: object = None,
    ) -> dict[str, float]:
        """One step of the optimiser (`self.optimiser` by default) down `loss`; its terms as numbers. The gradient of
        each of the optimiser's groups is shortened by itself: a critic far off its target does not slow the policy.

        Args:
            batch: whose loss it is; an error says of it what `str` does.

        Raises:
            FloatingPointError: a term or the gradient that is not finite; no parameter is changed then.
        """
        values = {name: float(term.detach()) for name, term in terms.items()}
        optimiser = self.optimiser if optimiser is None else optimiser
        optimiser.zero_grad()
        loss.backward()
        most = self.config.max_grad_norm
        norms = [float(nn.utils.clip_grad_norm_(group["params"], most)) for group in optimiser.param_groups]
        rate = optimiser.param_groups[0]["lr"]
        self._check_finite({**values, "gradient norm": math.hypot(*norms)}, batch, f"learning_rate={rate}")
        optimiser.step()
        self.updates += 1
        return values

    def _check_finite(self, values: dict[str, float], batch: object, lower: str) -> None:
        """Refuses numbers that are not finite, which are `values` of a `batch` and may come of too high a `lower`.

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

    def imitate(self, batch: Batch, optimiser: torch.optim.Adam) -> dict[str, float]:
        """One update that makes the texts of a batch likelier: maximum likelihood, teacher forcing."""
        decoder, hidden = self.network.decoder, self.network.hidden(batch.tokens, batch.sources)
        layer = decoder.output.weight, decoder.output.bias
        nll = cross_entropy(hidden, *layer, batch.tokens, batch.written, decoder.logits_memory)
        losses = self._descend(nll, {"nll": nll}, optimiser, batch)
        self.batches_read += 1
        self.tokens_read += int(batch.written.sum())
        return losses

    @torch.inference_mode()
    def _choose(
        self,
        observation: Observation,
        state: State,
        episode_start: BoolArray | None,
        deterministic: bool,
        action_masks: BoolArray | None,
        generator: torch.Generator,
        network: PolicyNetwork | None = None,
    ) -> tuple[IntArray, State]:
        network = self.network if network is None else network
        logits, after, single = next_logits(network, self.spec, observation, state, episode_start)
        if not torch.isfinite(logits).all():
            raise FloatingPointError(
                f"{type(self).__name__}: the policy's logits are not finite after {self.updates} updates; lower "
                f"learning_rate={self.config.learning_rate} and train anew, or from an earlier save"
            )
        if action_masks is not None:
            allowed = checked_masks(np.asarray(action_masks, np.bool_).reshape(logits.shape))
            logits = masked_logits(logits, torch.tensor(allowed, device=self.device))
        chosen = logits.argmax(-1) if deterministic else sample_categorical(logits, generator)
        return chosen.cpu().numpy()[0] if single else chosen.cpu().numpy(), after

    def _tensor(self, array: IntArray | None) -> Tensor | None:
        return None if array is None else torch.from_numpy(array).to(self.device)
