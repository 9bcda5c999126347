"""Generator whose tokens are soft one-hots, so that the discriminator's gradient reaches it through them.

Kusner and Hernandez-Lobato, "GANs for sequences of discrete elements with the Gumbel-softmax distribution" (2016);
Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax" (2017); Maddison, Mnih and Teh, "The concrete
distribution" (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agents.adversarial.base import AdversarialAgent, AdversarialConfig
from agents.data.episodes import play
from agents.data.text_spec import TextSpec
from agents.functional.losses import masked_logits
from agents.networks.policy_network import PolicyNetwork
from agents.protocol import BoolArray, Envs, IntArray, Observation, State
from textgen_env import text_game
from textgen_env.checks import check_at_least, check_number
from textgen_env.models.sampling import all_finite
from textgen_env.tasks.base import Sources


@dataclass(frozen=True)
class GumbelSoftmaxConfig(AdversarialConfig):
    """Hyperparameters. Jang et al. 2017 let tau fall as max(0.5, exp(-r t)); Kusner and Hernandez-Lobato 2016 from 5 to
    1. Neither imitates first; the rounds are SeqGAN's."""

    temperature: float = 1.0  # tau, at first
    least_temperature: float = 0.1  # below it tau does not fall
    half_life: int | None = 200  # g-steps in which tau halves; None: constant
    straight_through: bool = True  # the discriminator reads whole tokens, the gradient is the soft one's

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("temperature", "least_temperature"):
            check_number(name, getattr(self, name), above=0)
        if self.least_temperature > self.temperature:
            raise ValueError(
                f"least_temperature={self.least_temperature} must be at most temperature={self.temperature}"
            )
        if self.half_life is not None:
            check_at_least("half_life", self.half_life)
        if self.cell == "transformer":
            raise ValueError("cell='transformer' reads whole tokens only; for soft ones choose 'lstm' or 'gru'")

    def temperature_after(self, g_steps: int) -> float:
        """tau after that many g-steps."""
        halvings = 0.0 if self.half_life is None else g_steps / self.half_life
        return max(self.least_temperature, float(self.temperature * 0.5**halvings))


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
    """Writer of the first text of each row of an environment in soft tokens; the environment gets the hard ones.

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
        self._state = self.network.advance_soft(self._inputs, self._state)
        logits = self.network.logits(self._state[0])
        if not all_finite(logits):
            raise FloatingPointError(f"the policy's logits are not finite at place {len(self.tokens)}")
        token = gumbel_softmax(
            masked_logits(logits, allowed), self.noise[len(self.tokens)], self.temperature, self.straight_through
        )
        self.tokens.append(token)
        self._inputs = F.pad(token, (0, 1))
        return token


@runtime_checkable
class SoftReward(Protocol):
    """Reward that is differentiable in the tokens, as `DiscriminatorReward` is."""

    def soft_score(self, one_hots: Tensor, sources: Sources | None = None) -> Tensor: ...


class SoftScores(NamedTuple):
    """Scores of soft texts (M,), with their gradient; the mean return of the hard ones, and the tokens written."""

    scores: Tensor
    mean_return: float
    tokens_written: int


class GumbelSoftmax(AdversarialAgent):
    """Agent that follows the gradient of E[D(y)], y a text of soft one-hots y_t = softmax((z_t + g_t) / tau), z_t the
    logits after y_<t and g_t Gumbel noise. Any reward with `soft_score` stands for D.

    The environment is played with the hard tokens: it counts them, masks and pays them. The gradient is biased while
    tau is above 0, and varies the more the lower it is.
    """

    config_class = GumbelSoftmaxConfig
    config: GumbelSoftmaxConfig
    counters = (*AdversarialAgent.counters, "g_steps_taken")
    g_steps_taken: int

    def generator_step(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step on `batch_size` texts, rounded up to as many for each row; reports `policy`, minus the mean soft
        score, and `temperature`.

        Raises:
            ValueError: a reward without `soft_score`.
            FloatingPointError: a score or the gradient is not finite.
        """
        texts = self.soft_scores(envs, -(-self.config.batch_size // envs.num_envs))
        self.tokens_generated += texts.tokens_written
        loss = -texts.scores.mean()
        temperature = torch.tensor(self.config.temperature_after(self.g_steps_taken))
        losses = self.gradient_step(loss, {"policy": loss, "temperature": temperature})
        self.g_steps_taken += 1
        return texts.mean_return, losses

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`: minus the mean soft score."""
        texts = self.soft_scores(envs, int(quota.max()), seed)
        return -texts.scores.mean(), texts.tokens_written

    def soft_scores(self, envs: Envs, rounds: int, seed: int | None = None) -> SoftScores:
        """Of `rounds` texts of each row. Without a `seed` the environment's is drawn from the agent's generator."""
        config, game = self.config, text_game(envs)
        reward, source_table = game.reward, game.task.sources
        if not isinstance(reward, SoftReward):
            raise ValueError(
                f"envs: their reward {type(reward).__name__} has no soft_score(one_hots, sources); take one that "
                'is differentiable, such as reward="discriminator"'
            )
        if seed is None:
            seed = int(torch.randint(2**31, (), generator=self.generator))
        scores, returns, tokens_written = [], [], 0
        for _ in range(rounds):
            writer = RelaxedWriter(
                self.network,
                self.spec,
                config.temperature_after(self.g_steps_taken),
                config.straight_through,
                self.generator,
                envs.num_envs,
            )
            try:
                played = play(writer.predict, envs, np.ones(envs.num_envs, np.int64), seed=seed, masked=True)
            except FloatingPointError as error:
                raise FloatingPointError(f"{type(self).__name__}: {error}, in update {self.updates + 1}") from None
            seed = None
            tokens_written += played.tokens_written
            rows = played.source_rows
            sources = None if rows is None or source_table is None else source_table.take(rows)
            scores.append(reward.soft_score(writer.texts(), sources))
            returns.append(played.returns)
        return SoftScores(torch.cat(scores), float(np.concatenate(returns).mean()), tokens_written)
