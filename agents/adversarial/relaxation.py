"""Tokens that are differentiable: the Gumbel-softmax, and texts written with it.

Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax" (2017); Maddison, Mnih and Teh, "The concrete
distribution" (2017); for texts Kusner and Hernandez-Lobato, "GANs for sequences of discrete elements with the
Gumbel-softmax distribution" (2016).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agents.data.text_spec import TextSpec
from agents.functional.losses import masked_logits
from agents.networks.policy_network import PolicyNetwork
from agents.protocol import BoolArray, IntArray, Observation, State


def gumbel_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """-log(-log u), u uniform in (0, 1), float64 drawn on the CPU: added to logits, it makes the greatest of them a
    draw from their softmax (Gumbel 1954; Maddison et al. 2017, section 2)."""
    uniforms = torch.rand(shape, generator=generator, dtype=torch.float64)
    # 0 is drawn once in 2^53 times.
    return -(-uniforms.clamp(min=torch.finfo(torch.float64).tiny).log()).log()


def gumbel_softmax(logits: Tensor, noise: Tensor, temperature: float, straight_through: bool = False) -> Tensor:
    """y = softmax((logits + noise) / temperature), (..., V): a soft one-hot (Jang et al. 2017, equation 2).

    Args:
        logits: (..., V).
        noise: of their shape, from `gumbel_noise`.
        temperature: tau > 0. Towards 0 it is the one-hot of argmax(logits + noise), and the gradient grows without
            bound; the gradient of what is computed from it is biased by as much as tau is above 0.
        straight_through: the value is that one-hot, the gradient that of y (section 2.2).

    Raises:
        ValueError: a temperature that is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature!r} must be above 0; anneal towards it, not to it")
    soft = ((logits + noise.to(logits)) / temperature).softmax(-1)
    if not straight_through:
        return soft
    hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft)
    return hard + (soft - soft.detach())


def relaxed_text(tokens: Tensor, eos_id: int | None) -> Tensor:
    """Weights (N, T, V + 1) of the ids and the blank V, from the soft one-hots (N, T, V) of each place.

    A text goes on after place t with the weight prod_{k <= t} (1 - y_k[eos]), and is blank with the rest: of hard
    one-hots it is the text, and the gradient says what ending later or earlier would have brought.
    """
    blank = F.one_hot(torch.tensor(tokens.shape[2], device=tokens.device), tokens.shape[2] + 1).to(tokens)
    padded = F.pad(tokens, (0, 1))
    if eos_id is None:
        return padded
    goes_on = (1 - tokens[:, :, eos_id]).cumprod(1)
    begun = torch.cat([torch.ones_like(goes_on[:, :1]), goes_on[:, :-1]], 1).unsqueeze(2)
    return begun * padded + (1 - begun) * blank


class RelaxedWriter:
    """Writes the first text of each row of an environment in soft tokens; the environment is played with the hard ones.

    Args:
        network: the policy; it reads the soft tokens that it wrote.
        spec: of the texts.
        temperature, straight_through: of `gumbel_softmax`.
        generator: on the CPU; draws the noise.
        num_rows: N.
    """

    def __init__(
        self,
        network: PolicyNetwork,
        spec: TextSpec,
        temperature: float,
        straight_through: bool,
        generator: torch.Generator,
        num_rows: int,
    ) -> None:
        self.network, self.spec = network, spec
        self.temperature, self.straight_through = temperature, straight_through
        self.noise = gumbel_noise((spec.max_length, num_rows, spec.vocab_size), generator)
        self.tokens: list[Tensor] = []
        start = network.start(num_rows)
        self._over = torch.zeros(num_rows, dtype=torch.bool, device=start.device)  # whose first text is whole
        self._inputs = F.one_hot(start, spec.vocab_size + 1).to(network.decoder.output.weight)
        self._state: tuple[Tensor, ...] = ()

    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """The hard tokens (N,) for the environment. What a row writes after its first text is not looked at.

        Raises:
            FloatingPointError: logits that are not finite.
        """
        if not self.tokens:
            tokens, sources, _ = self.spec.checked_observation(observation)
            given = None if sources is None else torch.from_numpy(sources).to(self._inputs.device)
            self._state = self.network.begin(len(tokens), given)
        allowed = None
        if action_masks is not None:
            allowed = torch.tensor(action_masks, dtype=torch.bool, device=self._inputs.device)
        # The masks of a row's later texts have no say in what would have stood behind its first one.
        token = self._write(None if allowed is None else allowed | self._over.unsqueeze(1)).detach()
        hard = (token if allowed is None else token.masked_fill(~allowed, -1)).argmax(-1)
        if self.spec.eos_id is not None:
            self._over |= hard == self.spec.eos_id
        return hard.cpu().numpy().astype(np.int64), None

    def texts(self) -> Tensor:
        """The soft texts (N, T, V + 1), once all first texts are whole."""
        # Places that no row came to: what would have stood there says what ending was worth.
        while len(self.tokens) < self.spec.max_length:
            self._write(None)
        return relaxed_text(torch.stack(self.tokens, 1), self.spec.eos_id)

    def _write(self, allowed: Tensor | None) -> Tensor:
        self._state = self.network.decoder.advance_soft(self._inputs, self._state)
        logits = self.network.logits(self._state[0])
        if not torch.isfinite(logits).all():
            raise FloatingPointError(f"the policy's logits are not finite at place {len(self.tokens)}")
        token = gumbel_softmax(
            masked_logits(logits, allowed), self.noise[len(self.tokens)], self.temperature, self.straight_through
        )
        self.tokens.append(token)
        self._inputs = F.pad(token, (0, 1))
        return token
