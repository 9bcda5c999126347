"""Subject of measures: texts of a policy, its likelihoods, the task's own texts and the game."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from textgen_env import Task, Texts
from textgen_env.solve import TextMDP

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Decoding = Literal["greedy", "sample", "beam"]
DECODINGS: tuple[Decoding, ...] = get_args(Decoding)
# Texts that beam search keeps of each source.
BEAM_WIDTH = 8
# Prefixes of a game that is solved for what is measured.
MOST_STATES = 50_000


class NoLikelihood(Exception):
    """Error: the policy gives no probabilities of texts; the message says why."""


class Likelihoods(Protocol):
    """A policy that may tell the probabilities of what it writes."""

    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """log p of whole texts (N,), in nats.

        Raises:
            NoLikelihood: it has none.
        """
        ...

    def policy(self, mdp: TextMDP) -> FloatArray:
        """pi(a|s) (S, V) in every state of a game small enough to enumerate, the game's masks applied: what it draws
        from.

        Raises:
            NoLikelihood: it has none.
        """
        ...

    def decoded(self, envs: Any, method: Decoding, n: int, sources: IntArray | None, width: int) -> Texts:
        """`n` texts in the game of `envs`, one for each of the rows `sources` (n,) of a conditional task's source
        table; of beam search, `width` wide, the best. Samples are the same at each call.

        Raises:
            NoLikelihood: its next tokens have no probabilities that a search could go by.
        """
        ...


class NotApplicable(Exception):
    """The measure does not exist for this policy or task; the message says why."""


@dataclass(frozen=True)
class Measured:
    """Subject of measures; each likelihood is taken once, however many of them need it.

    Attributes:
        policy: the trained one.
        texts: its own, drawn in the final evaluation.
        task: of the evaluation environment.
        held_out: the task's own texts to measure by, of its test data; None if it has none.
        envs: that the texts were written in.
    """

    policy: Likelihoods
    texts: Texts
    task: Task
    held_out: Texts | None
    envs: Any = None

    @cached_property
    def data(self) -> Texts:
        """The texts to measure by.

        Raises:
            NotApplicable: the task has none.
        """
        if self.held_out is None:
            raise NotApplicable("the task has no test data")
        return self.held_out

    @cached_property
    def policy_of_own(self) -> FloatArray:
        """log p of the policy's texts under the policy (N,), nats."""
        return self._policy(self.texts)

    @cached_property
    def policy_of_data(self) -> FloatArray:
        """log p of the test texts under the policy (M,), nats; -inf where it never writes a text."""
        return self._policy(self.data)

    @cached_property
    def oracle_of_own(self) -> FloatArray:
        """log p of the policy's texts under the oracle (N,), nats."""
        return self._oracle(self.texts)

    @cached_property
    def oracle_of_data(self) -> FloatArray:
        """log p of the test texts under the oracle (M,), nats."""
        return self._oracle(self.data)

    def decoded(self, method: Decoding) -> Texts:
        """Texts that the policy writes by this method: of a conditional task one for each held-out source, of any
        other a single one, or, of samples, the policy's own texts."""
        if method not in self._decoded:
            self._decoded[method] = self._written(method)
        return self._decoded[method]

    @cached_property
    def _decoded(self) -> dict[Decoding, Texts]:
        return {}

    def _written(self, method: Decoding) -> Texts:
        if self.envs is None:
            raise NotApplicable("the game is not known")
        sources = None if self.task.sources is None else self.data.sources
        if sources is None and method == "sample":
            return self.texts
        try:
            count = 1 if sources is None else len(sources)
            return self.policy.decoded(self.envs, method, count, sources, BEAM_WIDTH)
        except NoLikelihood as error:
            raise NotApplicable(str(error)) from None

    @cached_property
    def game(self) -> TextMDP:
        """The game that the texts were written in, as arrays.

        Raises:
            NotApplicable: too large to enumerate.
        """
        if self.envs is None:
            raise NotApplicable("the game is not known")
        try:
            return TextMDP.of(self.envs, most_states=MOST_STATES)
        except ValueError as error:
            raise NotApplicable(str(error)) from None

    @cached_property
    def policy_in_game(self) -> FloatArray:
        """pi(a|s) (S, V) in every state of the game."""
        mdp = self.game
        try:
            return self.policy.policy(mdp)
        except NoLikelihood as error:
            raise NotApplicable(str(error)) from None

    def content(self, texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens (N, T) and lengths (N,) of texts, without their end tokens."""
        return texts.tokens, self.task.vocabulary.content_lengths(texts.tokens, texts.lengths)

    def references(self, texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As `content`, to compare a policy's texts with: the token of unknown words is one that no text has, so that
        it is matched by nothing, as in the reward BLEU."""
        tokens, lengths = self.content(texts)
        vocabulary = self.task.vocabulary
        if vocabulary.unknown_id is None:
            return tokens, lengths
        return np.where(tokens == vocabulary.unknown_id, vocabulary.blank_id + 1, tokens), lengths

    def _policy(self, texts: Texts) -> FloatArray:
        try:
            return _no_nan("the policy", self.policy.log_prob(texts, self.task))
        except NoLikelihood as error:
            raise NotApplicable(str(error)) from None

    def _oracle(self, texts: Texts) -> FloatArray:
        # It loads torch, which a report does without.
        from textgen_env.rewards.likelihood import HasLanguageModel

        if not isinstance(self.task, HasLanguageModel):
            raise NotApplicable("the task has no oracle")
        return _no_nan("the oracle", self.task.log_prob(texts.tokens, texts.lengths))


def _no_nan(whose: str, log_probs: FloatArray) -> FloatArray:
    if np.isnan(log_probs).any():
        raise FloatingPointError(f"{whose} gives log-probabilities that are NaN: the run has diverged")
    return log_probs
