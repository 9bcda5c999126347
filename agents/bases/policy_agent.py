"""Base of agents with a policy network: tokens drawn from it, probabilities of texts, and imitation."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from agents.bases.initialisation import fitting_parameters, take_over_counts
from agents.bases.trainable import TrainableAgent
from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from agents.functional.exploration import checked_masks
from agents.functional.losses import cross_entropy, log_probs_and_entropies
from agents.networks.policy_network import PolicyNetwork
from agents.networks.stepping import next_hidden
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from textgen_env import Texts
from textgen_env.checks import check_at_least, check_room
from textgen_env.models.linear_distribution import ForbiddenRows, Layer
from textgen_env.models.linear_softmax import LogitsMemory

# Hidden states held at once where many texts are scored.
CHUNK_HIDDEN = 100_000


class PolicyAgent(TrainableAgent):
    """Base of agents with a policy network. A subclass names its `config_class`, which derives from `NetworkConfig` and
    has the fields learning_rate and max_grad_norm, and defines `train`.

    The state of `predict` remembers what it has read. A row whose observation is that text and one more token costs one
    step of the network; any other row (no state yet, a new text, a state restored in the environment) is read from its
    start, so that every call is right whatever the state handed in.

    Attributes:
        batches_read: in all of its training.
        order_seed: of the orders in which training texts are read.

    Raises:
        ValueError: attention to sources that the texts do not have; and as `TrainableAgent`.
    """

    counters: ClassVar[tuple[str, ...]] = (*TrainableAgent.counters, "batches_read", "order_seed")
    batches_read: int
    order_seed: int

    @property
    def policy_network(self) -> PolicyNetwork:
        """The network whose policy `predict`, `sample` and `log_prob` mean."""
        return self.network

    def initialise_from(self, other: PolicyAgent) -> None:
        """Begins with the policy of another agent, and with what that one has spent on it.

        Raises:
            TypeError, ValueError: as `policy_of`.
        """
        self.network.load_state_dict(self.policy_of(other))
        take_over_counts(self, other)

    def policy_of(self, other: PolicyAgent) -> dict[str, Tensor]:
        """The parameters of another agent's policy; where only this agent has a value head, it keeps its own.

        Raises:
            TypeError: no agent with a policy network; the values of tokens are no policy.
            ValueError: its texts or its network have another shape.
        """
        if not isinstance(other, PolicyAgent):
            raise TypeError(f"other={other!r} must be an agent with a policy network, got {type(other).__name__}")
        return fitting_parameters(self, other)

    def sample(self, n: int, sources: ArrayLike | None = None) -> Texts:
        """`n` texts of the policy's own; see `agents.protocol.Agent`."""
        return self._sample(n, sources, self.sampling_generator)

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
            texts, lengths_there = self._on_device(ids[rows]), self._on_device(counts[rows])
            state = self.network.begin(len(texts), None if given is None else self._on_device(given[rows]))
            log_probs[rows] = self.network.decoder.log_probs(texts, lengths_there, state).double().sum(1).cpu().numpy()
        return log_probs

    def imitate(self, batch: TextBatch, optimiser: torch.optim.Adam) -> dict[str, float]:
        """One update that makes the texts of a batch likelier: maximum likelihood, teacher forcing."""
        nll = self.likelihood_loss(batch)
        losses = self.gradient_step(nll, {"nll": nll}, optimiser, batch)
        self.batches_read += 1
        self.tokens_read += int(batch.lengths.sum())
        return losses

    def likelihood_loss(self, batch: TextBatch) -> Tensor:
        """-log pi(x_t | x_<t) of a batch's texts, the mean over their tokens, in nats a token."""
        layer = self.network.layer_over(batch.token_ids, batch.source_ids)
        return cross_entropy(layer, batch.token_ids, batch.written, self.network.decoder.logits_memory)

    def log_probs_and_entropies(self, batch: TextBatch, layer: Layer) -> tuple[Tensor, Tensor]:
        """log pi(x_t | x_<t) and the entropy (M, T) of a text's distributions, forbidden tokens masked; read off hidden
        states (M, T, H)."""
        return log_probs_and_entropies(layer, batch.token_ids, batch.written, *self.passing(batch))

    def passing(self, batch: TextBatch) -> tuple[ForbiddenRows | None, LogitsMemory]:
        """Arguments with which losses of a batch pass over its logits: the tokens that are forbidden, and room."""
        return batch.forbidden(self.spec.vocab_size), self.network.decoder.logits_memory

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        super()._build(spec, config, seed, device)
        self._add_network(self._has_value_head())
        self.order_seed = int(torch.randint(2**62, (), generator=self.generator))
        initial_std = self._initial_std()
        if initial_std is not None:
            self.network.decoder.initialise(self.generator, initial_std)

    def _has_value_head(self) -> bool:
        return False

    def _initial_std(self) -> float | None:
        """Of N(0, std^2), which the decoder's parameters are drawn from; None keeps the network's own."""
        return None

    def _choose(
        self,
        observation: Observation,
        state: State,
        episode_start: BoolArray | None,
        deterministic: bool,
        action_masks: BoolArray | None,
        exploring: bool,
    ) -> tuple[IntArray, State]:
        generator = self.generator if exploring else self.sampling_generator
        given = observation, state, episode_start, deterministic, action_masks
        return self._choose_by(self.network, generator, *given)

    @torch.inference_mode()
    def _choose_by(
        self,
        network: PolicyNetwork,
        generator: torch.Generator,
        observation: Observation,
        state: State,
        episode_start: BoolArray | None,
        deterministic: bool,
        action_masks: BoolArray | None,
    ) -> tuple[IntArray, State]:
        hidden, after, single = next_hidden(network, self.spec, observation, state, episode_start)
        allowed = uniforms = None
        if action_masks is not None:
            masks = np.asarray(action_masks, np.bool_).reshape(len(hidden), self.spec.vocab_size)
            allowed = torch.tensor(checked_masks(masks), device=self.device)
        if not deterministic:
            uniforms = torch.rand(len(hidden), generator=generator, dtype=torch.float64).to(self.device)
        try:
            tokens: IntArray = network.choose(hidden, uniforms, allowed).cpu().numpy()
        except FloatingPointError:
            raise FloatingPointError(
                f"{type(self).__name__}: the policy's logits are not finite after {self.updates} updates; lower "
                f"learning_rate={self.config.learning_rate} and train anew, or from an earlier save"
            ) from None
        return tokens[0] if single else tokens, after

    @torch.inference_mode()
    def _sample(self, n: int, sources: ArrayLike | None, generator: torch.Generator) -> Texts:
        check_room(f"n={n}, hidden_size={self.config.hidden_size}", check_at_least("n", n), self.config.hidden_size)
        given = self.spec.checked_sources(sources, n)
        state = self.network.begin(n, None if given is None else self._on_device(given))
        sampled = self.network.decoder.sample(n, self.spec.max_length, generator, self.spec.eos_id, state=state)
        return Texts(*(array.cpu().numpy() for array in sampled))

    def _on_device(self, array: IntArray) -> Tensor:
        return torch.from_numpy(array).to(self.device)
