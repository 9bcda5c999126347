"""Policy of an agent in every state of a game small enough to enumerate, and the exact gradient of its expected return,
for `textgen_env.solve`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from agents.functional.losses import masked_logits
from agents.protocol import BoolArray, Envs, FloatArray, IntArray
from textgen_env.models.torch_settings import usual_torch
from textgen_env.solve import TextMDP, all_texts, policy_gradient

# Hidden states held at once: one for each token of each prefix.
CHUNK_HIDDEN = 100_000
# How far the probabilities of all texts may add up to something other than 1.
ROUNDING = 1e-3


@runtime_checkable
class HasProbabilities(Protocol):
    """Agent that says itself how likely it is to write each token, such as one with a table of values."""

    def action_probabilities(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None) -> FloatArray:
        """(K, V) float64 after the prefixes (K, T), (K,), given the source tokens (K, S) of a conditional task."""
        ...


@runtime_checkable
class HasMaskedProbabilities(Protocol):
    """Agent whose policy under masks is not its own, renormalised: one that looks for the best of what is allowed."""

    def masked_probabilities(
        self, tokens: IntArray, lengths: IntArray, sources: IntArray | None, action_masks: BoolArray | None
    ) -> FloatArray:
        """As `action_probabilities`, of the tokens that `action_masks` (K, V) allow."""
        ...


@usual_torch()
def policy_table(agent: Any, mdp: TextMDP) -> FloatArray:
    """pi(a|s) (S, V) float64 in every state of a game, the game's masks applied.

    Args:
        agent: with a policy network `network`, or with `action_probabilities`, which comes first; or a network alone,
            with `hidden(tokens, sources)` (N, T, H) and `logits(hidden)` as `PolicyNetwork` has them.
        mdp: the game.

    Raises:
        TypeError: an agent with neither.
        ValueError: one of another game's texts; probabilities that are none, or that leave no allowed token.
    """
    _check_shape(agent, mdp)
    sources = None if mdp.sources is None else mdp.sources.tokens
    said = None
    if isinstance(agent, HasMaskedProbabilities):
        said = agent.masked_probabilities(mdp.tokens, mdp.lengths, sources, mdp.allowed)
    elif isinstance(agent, HasProbabilities):
        said = agent.action_probabilities(mdp.tokens, mdp.lengths, sources)
    if said is not None:
        chances = np.asarray(said, np.float64)
        if chances.shape != mdp.allowed.shape:
            raise ValueError(f"agent: action_probabilities has shape {chances.shape}, expected {mdp.allowed.shape}")
        chances = chances * mdp.allowed
        sums = chances.sum(1, keepdims=True)
        if not (sums > 0).all():
            row = int((~(sums > 0)).argmax())
            raise ValueError(
                f"agent: action_probabilities leaves no allowed token after "
                f"{mdp.tokens[row, : mdp.lengths[row]].tolist()}"
            )
        return mdp.checked_policy(chances / sums, "agent")
    network = _network(agent)
    table = np.empty(mdp.allowed.shape)
    with torch.no_grad():
        for states in _chunks(mdp):
            table[states] = network_logits(network, mdp, states).double().softmax(-1).cpu().numpy()
    return mdp.checked_policy(table, "agent")


def table_of_log_probs(log_prob: Callable[..., FloatArray], mdp: TextMDP) -> FloatArray:
    """pi(a|s) (S, V) of an agent that is known by its `log_prob` alone: p(s, a) / p(s), each the sum over the texts
    that go through it; uniform after prefixes that it never writes.

    Args:
        log_prob: of `agents.protocol.Agent`; no masks applied.
        mdp: a game that masks nothing.

    Raises:
        ValueError: a game with masks; probabilities that do not add up to 1 within 1e-3.
    """
    if not mdp.allowed.all():
        raise ValueError(f"mdp: log_prob knows no masks, and this game masks tokens: {mdp.game}")
    texts = all_texts(mdp)
    rows = None
    if mdp.sources is not None:
        # The states of the texts, in the order of `all_texts`.
        rows = mdp.sources.tokens[mdp.ends.nonzero()[0]]
    through = np.zeros(mdp.allowed.shape)
    through[mdp.ends] = np.exp(log_prob(texts.tokens, texts.lengths, rows))
    for level in reversed(mdp.levels):
        goes_on = mdp.next_state[level] >= 0
        through[level][goes_on] = through[mdp.next_state[level][goes_on]].sum(1)
    written = through.sum(1)
    if not (np.abs(written[mdp.levels[0]] - 1) <= ROUNDING).all():
        worst = written[mdp.levels[0]][np.abs(written[mdp.levels[0]] - 1).argmax()]
        raise ValueError(
            f"the probabilities that log_prob gives all {len(texts.tokens)} texts add up to {worst:.6g}, not 1"
        )
    table = np.full(mdp.allowed.shape, 1 / mdp.vocab_size)
    np.divide(through, written[:, None], out=table, where=written[:, None] > 0)
    return mdp.checked_policy(table, "log_prob")


@usual_torch()
def exact_gradient(agent: Any, mdp: TextMDP, temperature: float = 0.0) -> list[Tensor]:
    """The gradient of E[sum_t discount^t r_t] over all texts with respect to a network's parameters: sum_{s,a} of
    `textgen_env.solve.policy_gradient` times the gradient of the logit of a in s.

    Args:
        agent: with a policy network, or that network.
        mdp: the game.
        temperature: of the entropy that is earned besides, as in `textgen_env.solve.evaluate_policy`.

    Returns:
        a tensor for each of `network.parameters()` that requires a gradient, in their order; zeros for those that the
        policy does not depend on, such as a value head's.

    Raises:
        TypeError: an agent without a network.
        ValueError: one of another game's texts; a temperature below 0.
    """
    _check_shape(agent, mdp)
    network = _network(agent)
    # Not what `action_probabilities` says, which may be another policy than the network's.
    weights = policy_gradient(mdp, policy_table(network, mdp), temperature)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    gradient = [torch.zeros_like(parameter) for parameter in parameters]
    for states in _chunks(mdp):
        logits = network_logits(network, mdp, states)
        earned = (logits * torch.from_numpy(weights[states]).to(logits)).sum()
        for total, part in zip(gradient, torch.autograd.grad(earned, parameters, allow_unused=True), strict=True):
            if part is not None:
                total += part
    return gradient


@runtime_checkable
class HasPolicyLoss(Protocol):
    """Agent that follows an estimate of the gradient of E[sum_t r_t]."""

    network: nn.Module
    generator: torch.Generator

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """Loss () that it descends for the return's sake, with its gradient: a mean over texts, `quota[i]` of each row
        i, that it writes in environments seeded by `seed`. And the tokens written and rolled out for it."""
        ...


class EstimatedGradient(NamedTuple):
    """Estimate of `exact_gradient`, in its form, and the tokens written and rolled out for it."""

    gradient: list[Tensor]
    tokens: int


@usual_torch()
def estimated_gradient(agent: Any, envs: Envs, texts: int) -> EstimatedGradient:
    """Gradient of E[sum_t r_t] as an agent estimates it from texts that it writes: minus the gradient of its
    `policy_loss`, nothing shortened. Nothing is learned; its generator is drawn from.

    Args:
        agent: a `HasPolicyLoss`: a `PolicyGradientAgent`, `SeqGAN` or `GumbelSoftmax`.
        envs: of its texts; reset and seeded from the agent's generator.
        texts: how many, rounded up to as many for each row.

    Raises:
        TypeError: another agent.
    """
    if not isinstance(agent, HasPolicyLoss):
        raise TypeError(f"agent={agent!r} must have policy_loss(envs, quota, seed), whose gradient it follows")
    quota = np.full(envs.num_envs, -(-texts // envs.num_envs))
    loss, tokens = agent.policy_loss(envs, quota, int(torch.randint(2**31, (), generator=agent.generator)))
    parameters = [parameter for parameter in agent.network.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    gradient = [
        torch.zeros_like(weight) if part is None else -part for part, weight in zip(found, parameters, strict=True)
    ]
    return EstimatedGradient(gradient, tokens)


def network_logits(network: Any, mdp: TextMDP, states: slice) -> Tensor:
    """Logits (K, V) of the tokens after the prefixes of `states`, those masked that the game does not allow."""
    device = next(network.parameters()).device
    tokens = torch.from_numpy(mdp.tokens[states]).to(device)
    lengths = torch.from_numpy(mdp.lengths[states]).to(device)
    sources = None if mdp.sources is None else torch.from_numpy(mdp.sources.tokens[states]).to(device)
    # Hidden state number t has read x_<t.
    hidden = network.hidden(tokens, sources)[torch.arange(len(tokens), device=device), lengths]
    logits = network.logits(hidden)
    if logits.shape[1] != mdp.vocab_size:
        raise ValueError(f"agent writes {logits.shape[1]} tokens, but the game has {mdp.vocab_size}: {mdp.game}")
    return masked_logits(logits, torch.from_numpy(mdp.allowed[states]).to(device))


def _chunks(mdp: TextMDP) -> list[slice]:
    size = max(1, CHUNK_HIDDEN // mdp.tokens.shape[1])
    return [slice(begun, begun + size) for begun in range(0, mdp.num_states, size)]


def _network(agent: Any) -> nn.Module:
    network = agent if isinstance(agent, nn.Module) else getattr(agent, "network", None)
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"agent={agent!r} needs a policy network as its `network`, or action_probabilities(tokens, lengths, "
            "sources)"
        )
    return network


def _check_shape(agent: Any, mdp: TextMDP) -> None:
    """Refuses an agent of other texts; a network alone does not say what it was made for."""
    spec = getattr(agent, "spec", None)
    game = mdp.vocab_size, mdp.tokens.shape[1], mdp.sources is not None
    if spec is not None and (spec.vocab_size, spec.max_length, spec.conditional) != game:
        raise ValueError(f"agent writes {spec}, but the game is another: {mdp.game}")
