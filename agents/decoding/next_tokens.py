"""Log-probabilities of the next tokens under an agent and the masks of a game, whatever kind of agent it is."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from agents.baselines.independent_tokens import IndependentTokens
from agents.bases.policy_agent import PolicyAgent
from agents.exact import HasMaskedProbabilities, HasProbabilities
from agents.networks.policy_network import PolicyNetwork
from agents.protocol import BoolArray, FloatArray, IntArray
from textgen_env import TextGame
from textgen_env.models.token_model import State


class _Policy(Protocol):
    """Policy of an agent: the distribution of the token after each of K prefixes of one length."""

    device: torch.device

    def begin(self, count: int, sources: IntArray | None) -> State:
        """The state before the first token, of the source tokens (count, S) of a conditional task."""
        ...

    def log_probs(self, tokens: IntArray, length: int, state: State, allowed: BoolArray | None) -> tuple[Tensor, State]:
        """log p (K, V) float64 of the tokens `allowed` (K, V) after the prefixes (K, T), and the state after them."""
        ...


class NextTokens:
    """Next tokens of texts that an agent writes in a game: its probabilities, shared out among the tokens allowed.

    Args:
        agent: with a policy network, or with probabilities of its own (`agents.exact.HasProbabilities`), which come
            first; a `SavedPolicy`, too.
        game: whose masks apply.

    Attributes:
        vocab_size, horizon: V and T. device: where it computes.

    Raises:
        TypeError: an agent that does not say how likely its next tokens are.
        ValueError: one of other texts.
    """

    def __init__(self, agent: Any, game: TextGame) -> None:
        task = game.task
        self._policy = _policy_of(agent)
        self._game = game
        self.vocab_size, self.horizon = len(task.vocabulary), task.max_length
        self._eos_id = task.vocabulary.eos_id
        self.device = self._policy.device
        spec = agent.spec
        source_length = 0 if task.sources is None else task.sources.tokens.shape[1]
        source_tokens = 0 if task.sources is None else len(task.sources.vocabulary)
        found = self.vocab_size, self.horizon, self._eos_id, source_tokens, source_length
        made_for = spec.vocab_size, spec.max_length, spec.eos_id, spec.source_vocab_size, spec.source_length
        if found != made_for:
            raise ValueError(
                f"agent: it was made for texts (V, T, end token, V and S of the source) {made_for}, but the game has "
                f"{found}; give the game that it was trained in"
            )

    def begin(self, count: int, sources: IntArray | None) -> State:
        """The state of `count` texts before their first token; its parts begin with the axis (count,)."""
        return self._policy.begin(count, sources)

    def log_probs(self, tokens: Tensor, length: int, state: State) -> tuple[Tensor, State]:
        """log p (K, V) float64 of the token after each of the prefixes (K, T), all of `length` < T tokens, -inf where
        it is masked; and the state after the prefixes.

        Args:
            tokens: (K, T), blanks after the prefix.
            length: of each prefix.
            state: after all but the last token of each.

        Raises:
            FloatingPointError: probabilities that are not finite.
            ValueError: no token that is allowed and has a probability.
        """
        prefixes: IntArray = tokens.cpu().numpy()
        allowed = self._game.allowed_tokens(prefixes, np.full(len(prefixes), length))
        found, after = self._policy.log_probs(prefixes, length, state, allowed)
        if allowed is not None:
            found = found.masked_fill(~torch.from_numpy(allowed).to(found.device), -torch.inf)
        total = found.logsumexp(1, keepdim=True)
        if bool((total.isnan() | (total == torch.inf)).any()):
            raise FloatingPointError("agent: its probabilities are not finite; train it anew, or take an earlier save")
        stuck = total[:, 0] == -torch.inf
        if bool(stuck.any()):
            prefix = prefixes[int(stuck.cpu().numpy().argmax()), :length].tolist()
            raise ValueError(
                f"agent: after the tokens {prefix} it writes no token that the game allows; train it in this game, "
                "with its masks"
            )
        return found - total, after

    def end(self, tokens: Tensor, length: int) -> Tensor:
        """Whether each of the tokens (...) ends a text whose `length`, itself included, is given."""
        if length == self.horizon:
            return torch.ones_like(tokens, dtype=torch.bool)
        return tokens == (-1 if self._eos_id is None else self._eos_id)


def rows_of(state: State, rows: Tensor) -> State:
    """The rows (K,) of a state, in their order; one may be taken several times."""
    return tuple(part[rows] for part in state)


class _NetworkPolicy:
    """Policy network, which reads one token a step."""

    def __init__(self, network: PolicyNetwork) -> None:
        self.network = network
        self.device = network.start(1).device

    def begin(self, count: int, sources: IntArray | None) -> State:
        return self.network.begin(count, None if sources is None else torch.from_numpy(sources).to(self.device))

    def log_probs(self, tokens: IntArray, length: int, state: State, allowed: BoolArray | None) -> tuple[Tensor, State]:
        inputs = self.network.start(len(tokens))
        if length:
            inputs = torch.from_numpy(tokens[:, length - 1]).to(self.device)
        logits, after = self.network.step(inputs, state)
        return logits.double(), after


class _TablePolicy:
    """Agent that is asked for its probabilities after whole prefixes."""

    device = torch.device("cpu")

    def __init__(self, agent: Any) -> None:
        self.agent = agent

    def begin(self, count: int, sources: IntArray | None) -> State:
        return () if sources is None else (torch.from_numpy(sources),)

    def log_probs(self, tokens: IntArray, length: int, state: State, allowed: BoolArray | None) -> tuple[Tensor, State]:
        sources = state[0].numpy() if state else None
        chances = self.chances(tokens, np.full(len(tokens), length), sources, allowed)
        return torch.from_numpy(np.asarray(chances, np.float64)).log(), state

    def chances(
        self, tokens: IntArray, lengths: IntArray, sources: IntArray | None, allowed: BoolArray | None
    ) -> FloatArray:
        if isinstance(self.agent, HasMaskedProbabilities):
            return self.agent.masked_probabilities(tokens, lengths, sources, allowed)
        assert isinstance(self.agent, HasProbabilities)
        return self.agent.action_probabilities(tokens, lengths, sources)


class _IndependentPolicy(_TablePolicy):
    """Agent that looks at no prefix."""

    def chances(
        self, tokens: IntArray, lengths: IntArray, sources: IntArray | None, allowed: BoolArray | None
    ) -> FloatArray:
        everything = np.ones((len(tokens), self.agent.spec.vocab_size), np.bool_)
        chances: FloatArray = self.agent.token_probabilities(everything if allowed is None else allowed)
        return chances


def _policy_of(agent: Any) -> _Policy:
    if isinstance(agent, HasMaskedProbabilities | HasProbabilities):
        return _TablePolicy(agent)
    if isinstance(agent, IndependentTokens):
        return _IndependentPolicy(agent)
    network = agent.policy_network if isinstance(agent, PolicyAgent) else getattr(agent, "network", None)
    if not isinstance(network, PolicyNetwork):
        raise TypeError(
            f"agent={agent!r} must say how likely its next tokens are: an agent with a policy network, or with "
            "action_probabilities(tokens, lengths, sources)"
        )
    return _NetworkPolicy(network)
