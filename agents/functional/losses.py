"""Losses of batches of texts: pure functions of tensors (N, T), `written` (N, T) bool marking the tokens that count.

Each is a sum over a text's tokens and a mean over the N texts, unless it says otherwise: only so is the policy gradient
that of the expected return.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from textgen_env.checks import check_shape
from textgen_env.models import linear_distribution
from textgen_env.models.linear_distribution import FORBIDDEN_LOGIT, ForbiddenRows, Layer
from textgen_env.models.linear_divergence import divergences_from_itself, kl_divergences
from textgen_env.models.linear_softmax import LogitsMemory, linear_cross_entropy


def masked_logits(logits: Tensor, allowed: Tensor | None) -> Tensor:
    """`logits` (..., V) with the tokens that are not `allowed` (..., V) bool given probability 0. Masks may leave out
    leading axes."""
    if allowed is None:
        return logits
    check_shape("allowed", allowed, tuple(logits.shape[-allowed.dim() :]))
    return logits.masked_fill(~allowed, FORBIDDEN_LOGIT)


def log_probs_and_entropies(
    layer: Layer,
    tokens: Tensor,
    written: Tensor,
    forbidden: ForbiddenRows | None = None,
    memory: LogitsMemory | None = None,
) -> tuple[Tensor, Tensor]:
    """log pi(x_t | x_<t) and H(pi(. | x_<t)) in nats, (N, T) each, 0 where nothing is written; of tokens (N, T) and
    hidden states (N, T, H) with their output layer, whose logits are never held all at once, but in `memory`.
    `forbidden` numbers the tokens that are written, text by text."""
    _check_layer(layer, tokens=tokens, written=written)
    found = linear_distribution.log_probs_and_entropies(_of(layer, written), tokens[written], forbidden, memory)
    log_probs, entropies = (_put(values, written) for values in found)
    return log_probs, entropies


def policy_gradient_loss(log_probs: Tensor, advantages: Tensor, written: Tensor) -> Tensor:
    """-1/N sum_n sum_t A_{n,t} log pi(x_{n,t} | x_{n,<t}), whose gradient is minus that of the expected return
    (Williams 1992, theorem 1; Sutton et al. 2000, theorem 1)."""
    _check_alike(("N", "T"), log_probs=log_probs, advantages=advantages, written=written)
    return -(log_probs * advantages.detach() * written).sum() / len(log_probs)


def entropy(entropies: Tensor, written: Tensor) -> Tensor:
    """1/N sum_n sum_t H(pi(. | x_{n,<t})) in nats, from the entropies (N, T): a bonus for keeping several tokens in
    play (Williams and Peng 1991)."""
    _check_alike(("N", "T"), entropies=entropies, written=written)
    return (entropies * written).sum() / len(entropies)


def value_loss(values: Tensor, returns: Tensor, written: Tensor) -> Tensor:
    """1/2 the mean square error a token of the values (N, T) against the returns (N, T)."""
    _check_alike(("N", "T"), values=values, returns=returns, written=written)
    errors = (values - returns.detach()) * written
    return errors.square().sum() / (2 * written.sum().clamp(min=1))


def cross_entropy(layer: Layer, tokens: Tensor, written: Tensor, memory: LogitsMemory | None = None) -> Tensor:
    """-log pi(x_t | x_<t), the mean over all tokens written, in nats a token; from hidden states (N, T, H) and their
    output layer, whose logits are never held all at once, but in `memory`."""
    _check_layer(layer, tokens=tokens, written=written)
    return linear_cross_entropy(*_of(layer, written), tokens[written], memory)


def ppo_clip_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, written: Tensor, clip: float) -> Tensor:
    """-1/N sum_n sum_t min(rho A, clamp(rho, 1 - clip, 1 + clip) A), rho = pi(x_t | x_<t) / pi_old(x_t | x_<t), of
    texts that pi_old wrote (Schulman, Wolski, Dhariwal, Radford and Klimov 2017, "Proximal Policy Optimization
    Algorithms", equation 7). Where pi = pi_old its gradient is that of `policy_gradient_loss`."""
    _check_alike(("N", "T"), log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages, written=written)
    ratios, credits = (log_probs - old_log_probs.detach()).exp(), advantages.detach()
    gained = torch.minimum(ratios * credits, ratios.clamp(1 - clip, 1 + clip) * credits)
    return -(gained * written).sum() / len(log_probs)


def surrogate_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, written: Tensor) -> Tensor:
    """-1/N sum_n sum_t rho A, rho as in `ppo_clip_loss` (Schulman, Levine, Moritz, Jordan and Abbeel 2015, "Trust
    Region Policy Optimization", equation 14)."""
    _check_alike(("N", "T"), log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages, written=written)
    ratios = (log_probs - old_log_probs.detach()).exp()
    return -(ratios * advantages.detach() * written).sum() / len(log_probs)


def clipped_value_loss(values: Tensor, old_values: Tensor, returns: Tensor, written: Tensor, clip: float) -> Tensor:
    """`value_loss`, or that of the values held within `clip` of the old ones, whichever is greater at each token: a
    value gains nothing by going farther (as in the code of Schulman et al. 2017; Engstrom et al. 2020, section 3)."""
    _check_alike(("N", "T"), values=values, old_values=old_values, returns=returns, written=written)
    held = old_values.detach() + (values - old_values.detach()).clamp(-clip, clip)
    errors = torch.maximum((values - returns.detach()).square(), (held - returns.detach()).square()) * written
    return errors.sum() / (2 * written.sum().clamp(min=1))


def approximate_kl(log_probs: Tensor, old_log_probs: Tensor, written: Tensor) -> Tensor:
    """KL(pi_old || pi) in nats, the mean over the tokens that pi_old wrote of rho - 1 - log rho, which is never below 0
    and unbiased (Schulman 2020, "Approximating KL divergence", k3)."""
    _check_alike(("N", "T"), log_probs=log_probs, old_log_probs=old_log_probs, written=written)
    log_ratios = (log_probs - old_log_probs) * written
    return (log_ratios.exp() - 1 - log_ratios).sum() / written.sum().clamp(min=1)


def clip_fraction(log_probs: Tensor, old_log_probs: Tensor, written: Tensor, clip: float) -> Tensor:
    """The share of the tokens whose probability has changed by a factor outside [1 - clip, 1 + clip]."""
    _check_alike(("N", "T"), log_probs=log_probs, old_log_probs=old_log_probs, written=written)
    outside = ((log_probs - old_log_probs).exp() - 1).abs() > clip
    return (outside & written).sum() / written.sum().clamp(min=1)


def policy_kl(
    old: Layer,
    layer: Layer,
    written: Tensor,
    forbidden: ForbiddenRows | None = None,
    memory: LogitsMemory | None = None,
) -> Tensor:
    """1/N sum_n sum_t KL(pi_old(. | x_{n,<t}) || pi(. | x_{n,<t})) in nats a text: where pi_old wrote the texts, by the
    chain rule the divergence of what the two write. Arguments as `log_probs_and_entropies`; `old` has no gradient."""
    _check_layer(layer, written=written)
    _check_layer(old, written=written)
    return kl_divergences(_of(old, written), _of(layer, written), forbidden, memory).sum() / len(written)


def kl_from_itself(
    layer: Layer, written: Tensor, forbidden: ForbiddenRows | None = None, memory: LogitsMemory | None = None
) -> Tensor:
    """`policy_kl` where the old policy is the policy as it stands: 0, whose second derivative is the policy's Fisher
    information."""
    _check_layer(layer, written=written)
    return divergences_from_itself(_of(layer, written), forbidden, memory).sum() / len(written)


def huber_loss(values: Tensor, targets: Tensor, written: Tensor) -> Tensor:
    """The mean a token of 1/2 e^2 where the error |e| <= 1, and of |e| - 1/2 elsewhere, of values (N, T) against
    targets (N, T): its gradient is the error clipped to [-1, 1] (Huber 1964; Mnih et al. 2015, methods)."""
    _check_alike(("N", "T"), values=values, targets=targets, written=written)
    errors = F.huber_loss(values * written, targets.detach() * written, reduction="none")
    return errors.sum() / written.sum().clamp(min=1)


def best_values(values: Tensor, chosen_by: Tensor, allowed: Tensor | None = None) -> Tensor:
    """The entry (...) of values (..., V) where `chosen_by` (..., V) is greatest among the tokens allowed (..., V) bool:
    with the values themselves their maximum, the target of DQN; with another network's, that of double DQN (van
    Hasselt, Guez and Silver 2016, equation 4)."""
    check_shape("chosen_by", chosen_by, tuple(values.shape))
    best = masked_logits(chosen_by, allowed).argmax(-1, keepdim=True)
    return values.gather(-1, best).squeeze(-1)


def _of(layer: Layer, written: Tensor) -> Layer:
    return layer._replace(hidden=layer.hidden[written])


def _put(values: Tensor, written: Tensor) -> Tensor:
    """(N, T) with the values where `written`, 0 elsewhere."""
    return values.new_zeros(written.shape).masked_scatter(written, values)


def _check_layer(layer: Layer, **tensors: Tensor) -> None:
    """Refuses a layer whose shapes do not fit together, or do not fit the tensors (N, T).

    Raises:
        ValueError: naming the argument and its shape.
    """
    count, horizon, size = check_shape("hidden", layer.hidden, ("N", "T", "H"))
    (vocab_size, _) = check_shape("weight", layer.weight, ("V", size))
    check_shape("bias", layer.bias, (vocab_size,))
    _check_alike((count, horizon), **tensors)


def _check_alike(expected: tuple[int | str, ...], **tensors: Tensor) -> None:
    """Refuses tensors that are not all of one shape, which is as expected.

    Raises:
        ValueError: naming the argument and its shape.
    """
    for name, tensor in tensors.items():
        expected = check_shape(name, tensor, expected)
