"""The natural policy gradient: the steepest way up when a step is measured by how far the policy moves, not its
parameters (Amari 1998, "Natural Gradient Works Efficiently in Learning"; Kakade 2002, "A Natural Policy Gradient")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from agents.data.episodes import Episodes
from agents.functional.losses import entropy, policy_gradient_loss, policy_kl, token_log_probs, value_loss
from agents.functional.natural_gradient import Product, assign, conjugate_gradient, fisher_vector_product, flat
from agents.policy_gradient.a2c import A2C, A2CConfig
from agents.policy_gradient.base import Played
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class NPGConfig(A2CConfig):
    """Hyperparameters, with those of Kakade 2002 in brackets where the paper has them. It inverts a Fisher matrix of
    few parameters; the products in its place are those of Schulman et al. 2015. `max_grad_norm` bounds the critic's
    gradient alone."""

    learning_rate: float = 0.2  # alpha: the policy's step is alpha F^-1 g
    max_kl: float = 0.05  # in nats a text, by 1/2 x^T F x; a step x that goes farther is shortened to it [no bound]
    scale_advantages: bool = False  # what is to be gained shrinks near the best text, and with it the steps [no]
    batch_size: int = 128  # texts an update, rounded up to as many for each row
    entropy_weight: float = 0.3  # of the entropy bonus, at the start, in the reward's unit if advantages are not scaled
    entropy_half_life: int | None = 20_000  # tokens written until the entropy bonus has halved; None: constant
    cg_iterations: int = 10  # of conjugate gradient, each of two passes backward
    damping: float = 0.1  # added to the diagonal of F: how much the parameters' own length counts
    value_steps: int = 10  # of Adam for the critic, on each batch

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("cg_iterations", "value_steps"):
            check_at_least(name, getattr(self, name))
        check_number("damping", self.damping)
        check_number("max_kl", self.max_kl, above=0)


class Read(NamedTuple):
    """A batch, and what policy and critic say of it.

    Attributes:
        played: the texts.
        logits: (N, T, V).
        hidden: (N, T, H), which they were read off.
        advantages, targets: (N, T), as `A2C.advantages`.
        terms: `policy`, `value` and `entropy`.
    """

    played: Played
    logits: Tensor
    hidden: Tensor
    advantages: Tensor
    targets: Tensor
    terms: dict[str, Tensor]


class NPG(A2C):
    """Maximises E[sum_t r_t] by steps along F^-1 g: g the policy gradient with a critic's advantages, F the Fisher
    information of the texts that the policy writes, sum_s d(s) sum_a pi(a|s) grad log pi(a|s) grad log pi(a|s)^T."""

    config_class = NPGConfig
    config: NPGConfig

    def learn(self, episodes: Episodes) -> dict[str, float]:
        """A step of the policy, and `value_steps` of the critic. Losses reported: `policy`, `value` and `entropy`
        before them, `gradient_norm`, and what `move` says of the step."""
        read = self.read(episodes)
        gradient = self.gradient(read)
        fisher = self.fisher(read)
        direction = conjugate_gradient(fisher, gradient, self.config.cg_iterations)
        losses = {name: float(term.detach()) for name, term in read.terms.items()}
        losses |= {"gradient_norm": float(gradient.norm()), "direction_norm": float(direction.norm())}
        # Before either moves: a batch that spoils the one must not have changed the other.
        self._check_finite(losses, episodes, f"learning_rate={self.config.learning_rate}")
        self._fit_critic(read, episodes)
        return losses | self.move(read, direction, fisher)

    def read(self, episodes: Episodes) -> Read:
        """What there is to be learned from texts that this policy wrote."""
        played = Played.of(episodes, self.device)
        # cuDNN's recurrent layers and the fused attention cannot be differentiated twice.
        with torch.backends.cudnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
            logits, hidden = self.distributions(played)
        values = self.network.values(hidden)
        advantages, targets = self.advantages(episodes, values)
        log_probs = token_log_probs(logits, played.tokens, played.written)
        terms = {
            "policy": policy_gradient_loss(log_probs, advantages, played.written),
            "value": value_loss(values, targets, played.written),
            "entropy": entropy(logits, played.written),
        }
        return Read(played, logits, hidden.detach(), advantages, targets, terms)

    def losses(self, episodes: Episodes) -> dict[str, Tensor]:
        """The terms for texts that this policy wrote: `policy`, `value` and `entropy`."""
        return self.read(episodes).terms

    def gradient(self, read: Read) -> Tensor:
        """g (P,): the way up, entropy bonus included."""
        loss = self.total_loss(read.terms)
        return -flat(torch.autograd.grad(loss, self.policy_parameters, retain_graph=True, materialize_grads=True))

    def fisher(self, read: Read) -> Product:
        """v -> (F + damping I) v, of the states that the texts went through."""
        kl = policy_kl(read.logits, read.logits, read.played.written)
        return fisher_vector_product(kl, self.policy_parameters, self.config.damping)

    def move(self, read: Read, direction: Tensor, fisher: Product) -> dict[str, float]:
        """Takes the policy along F^-1 g (P,): `kl`, 1/2 x^T F x of the step x, damping included, in nats a text."""
        step = self.config.learning_rate * direction
        divergence = step @ fisher(step) / 2
        if divergence > self.config.max_kl:
            # Where the policy is nearly certain, F is nearly 0 and F^-1 g without a bound.
            step = step * (self.config.max_kl / divergence).sqrt()
        assign(self.policy_parameters, flat(self.policy_parameters) + step)
        return {"kl": min(float(divergence), self.config.max_kl)}

    def _fit_critic(self, read: Read, episodes: Episodes) -> None:
        for _ in range(self.config.value_steps):
            value = value_loss(self.network.values(read.hidden), read.targets, read.played.written)
            self._descend(value, {"value": value}, batch=episodes)
