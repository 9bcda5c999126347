"""Update along the natural gradient F^-1 g, which NPG and TRPO share: g the policy gradient with a critic's
advantages, F the Fisher information of the texts that the policy writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from agents.data.text_batch import TextBatch
from agents.functional.losses import entropy, kl_from_itself, policy_gradient_loss, value_loss
from agents.functional.natural_gradient import Product, conjugate_gradient, fisher_vector_product, flat
from agents.policy_gradient.base import ActorCriticConfig, PolicyGradientAgent
from textgen_env.checks import check_at_least, check_number
from textgen_env.models.linear_distribution import Layer
from textgen_env.models.recurrent_layer import differentiable_twice


@dataclass(frozen=True)
class NaturalGradientConfig(ActorCriticConfig):
    """Hyperparameters of the natural gradient. `max_grad_norm` bounds the critic's gradient alone."""

    max_kl: float = 0.05  # how far a step takes the policy at most, in nats a text
    batch_size: int = 128  # texts an update, rounded up to as many for each row
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
        self.refuse_likelihood("a step within max_kl follows the reward alone")


class Estimates(NamedTuple):
    """Estimates of policy and critic for a batch, before either moves.

    Attributes:
        batch: the texts.
        layer: the hidden states (M, T, H), and the output layer that reads them.
        advantages, targets: (M, T), as `PolicyGradientAgent.critic_advantages`.
        terms: `policy`, `value` and `entropy`.
    """

    batch: TextBatch
    layer: Layer
    advantages: Tensor
    targets: Tensor
    terms: dict[str, Tensor]


Move = Callable[[Estimates, Tensor, Product], dict[str, float]]
"""Takes the policy along F^-1 g (P,), F as a product; what it says of the step, by name."""


def estimate(agent: PolicyGradientAgent, batch: TextBatch) -> Estimates:
    """Estimates for texts that the agent's policy wrote."""
    batch = batch.to(agent.device)
    # cuDNN's recurrent layers, the compiled ones and the fused attention cannot be differentiated twice.
    with torch.backends.cudnn.flags(enabled=False), differentiable_twice(), sdpa_kernel(SDPBackend.MATH):
        layer = agent.network.layer_over(batch.token_ids, batch.source_ids)
    values = agent.network.values(layer.hidden)
    advantages, targets = agent.critic_advantages(batch, values)
    log_probs, entropies = agent.log_probs_and_entropies(batch, layer)
    terms = {
        "policy": policy_gradient_loss(log_probs, advantages, batch.written),
        "value": value_loss(values, targets, batch.written),
        "entropy": entropy(entropies, batch.written),
    }
    return Estimates(batch, layer, advantages, targets, terms)


def ascent_direction(agent: PolicyGradientAgent, estimates: Estimates) -> Tensor:
    """g (P,): the way up, entropy bonus included."""
    loss = agent.total_loss(estimates.terms)
    return -flat(torch.autograd.grad(loss, agent.policy_parameters, retain_graph=True, materialize_grads=True))


def fisher(agent: PolicyGradientAgent, estimates: Estimates, damping: float) -> Product:
    """v -> (F + damping I) v, of the states that the texts went through."""
    kl = kl_from_itself(estimates.layer, estimates.batch.written, *agent.passing(estimates.batch))
    return fisher_vector_product(kl, agent.policy_parameters, damping)


def natural_update(
    agent: PolicyGradientAgent, config: NaturalGradientConfig, batch: TextBatch, move: Move
) -> dict[str, float]:
    """A step of the policy, and `value_steps` of the critic. Losses reported: `policy`, `value` and `entropy` before
    them, `gradient_norm`, `direction_norm`, and what `move` says of the step.

    Raises:
        FloatingPointError: a loss or the direction is not finite; neither policy nor critic is changed then.
    """
    estimates = estimate(agent, batch)
    gradient = ascent_direction(agent, estimates)
    product = fisher(agent, estimates, config.damping)
    direction = conjugate_gradient(product, gradient, config.cg_iterations)
    losses = {name: float(term.detach()) for name, term in estimates.terms.items()}
    losses |= {"gradient_norm": float(gradient.norm()), "direction_norm": float(direction.norm())}
    # Before either moves: a batch that spoils the one must not have changed the other.
    agent.check_finite(losses, batch, f"learning_rate={config.learning_rate}")
    hidden = estimates.layer.hidden
    for _ in range(config.value_steps):
        value = value_loss(agent.network.values(hidden), estimates.targets, estimates.batch.written)
        agent.gradient_step(value, {"value": value}, batch=batch)
    return losses | move(estimates, direction, product)
