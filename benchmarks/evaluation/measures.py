"""What is measured of a trained policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.references import MOST_STATES, optimum
from benchmarks.policies.adapter import NoLikelihood, PolicyAdapter
from textgen_env import Task, Texts
from textgen_env.metrics import (
    BleuScorer,
    Estimate,
    cross_entropy,
    distinct_n,
    monte_carlo_mean,
    self_bleu,
)
from textgen_env.metrics import entropy as own_entropy
from textgen_env.metrics import kl_divergence as kl_of_samples
from textgen_env.rewards.likelihood import HasLanguageModel
from textgen_env.solve import TextMDP, expected_return, kl_divergence, soft_optimum, soft_policy

FloatArray = NDArray[np.float64]
SEQUENCE_DIGITS = 4


class NotApplicable(Exception):
    """The measure does not exist for this policy or task; the message says why."""


@dataclass(frozen=True)
class Measured:
    """What a measure may look at; each likelihood is taken once, however many measures need it.

    Attributes:
        adapter: the trained policy.
        texts: its own, drawn in the final evaluation.
        task: of the evaluation environment.
        held_out: the task's own texts to measure by, of its test data; None if it has none.
        envs: that the texts were written in.
    """

    adapter: PolicyAdapter
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
            return self.adapter.policy(mdp)
        except NoLikelihood as error:
            raise NotApplicable(str(error)) from None

    def content(self, texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens (N, T) and lengths (N,) of texts, without their end tokens."""
        return texts.tokens, self.task.vocabulary.content_lengths(texts.tokens, texts.lengths)

    def _policy(self, texts: Texts) -> FloatArray:
        try:
            return _no_nan("the policy", self.adapter.log_prob(texts, self.task))
        except NoLikelihood as error:
            raise NotApplicable(str(error)) from None

    def _oracle(self, texts: Texts) -> FloatArray:
        if not isinstance(self.task, HasLanguageModel):
            raise NotApplicable("the task has no oracle")
        return _no_nan("the oracle", self.task.log_prob(texts.tokens, texts.lengths))


def nll_oracle(measured: Measured) -> Estimate:
    """-log p_oracle of the policy's texts, nats a token (Yu et al. 2017, equation 13, divided by T). A value below the
    oracle's entropy is no merit: the policy writes likely texts only."""
    return cross_entropy(measured.oracle_of_own, measured.texts.lengths)


def nll_test(measured: Measured) -> Estimate:
    """-log p of test data under the policy, nats a token."""
    return _finite(cross_entropy(measured.policy_of_data, measured.data.lengths), measured.policy_of_data)


def kl_forward(measured: Measured) -> Estimate:
    """KL(oracle || policy), from the oracle's test texts, nats a token: large where the policy leaves out what the
    oracle writes."""
    oracle, policy = measured.oracle_of_data, measured.policy_of_data
    return _finite(kl_of_samples(oracle, policy, measured.data.lengths), policy)


def kl_reverse(measured: Measured) -> Estimate:
    """KL(policy || oracle), from the policy's own texts, nats a token: large where the policy writes what the oracle
    does not."""
    oracle, policy = measured.oracle_of_own, measured.policy_of_own
    return _finite(kl_of_samples(policy, oracle, measured.texts.lengths), oracle)


def entropy(measured: Measured) -> Estimate:
    """-log p of the policy's texts under the policy itself, nats a token: how varied its distribution is."""
    return own_entropy(measured.policy_of_own, measured.texts.lengths)


def bleu(measured: Measured, max_order: int) -> Estimate:
    """Mean BLEU of the policy's texts against the test texts, in [0, 1], smoothed as Texygen does: 0.1 matches where
    an order has none (Zhu et al. 2018; method 1 of Chen and Cherry 2014)."""
    if measured.task.sources is not None:
        raise NotApplicable("texts that answer to a source are compared with its references, which the return does")
    _refuse_longer(measured, max_order)
    scorer = BleuScorer.of_texts(*measured.content(measured.data), max_order=max_order, smooth_method="floor")
    return monte_carlo_mean(scorer.score(*measured.content(measured.texts)))


def mean_self_bleu(measured: Measured, max_order: int) -> Estimate:
    """Mean BLEU of each of the policy's texts against all its others, in [0, 1], smoothed as `bleu`: high where texts
    repeat one another. Without a standard error: the scores depend on one another."""
    if len(measured.texts.lengths) < 2:
        raise NotApplicable("Self-BLEU compares at least two texts")
    _refuse_longer(measured, max_order)
    scores = self_bleu(*measured.content(measured.texts), max_order=max_order, smooth_method="floor")
    return Estimate(float(scores.mean()), float("nan"), len(scores))


def distinct(measured: Measured, n: int) -> Estimate:
    """Distinct n-grams of the policy's texts, over all their n-grams; in [0, 1]. It falls as texts are added, so that
    only values of equally many texts compare; that is also why it has no standard error."""
    _refuse_longer(measured, n)
    return Estimate(distinct_n(*measured.content(measured.texts), n), float("nan"), len(measured.texts.lengths))


def optimum_share(measured: Measured) -> Estimate:
    """The policy's expected return as a share of the most that can be expected: exact, by dynamic programming, for a
    policy whose probabilities are known; else the mean over its final texts."""
    mdp = measured.game
    best = optimum(mdp)
    if best <= 0:
        raise NotApplicable(f"the optimum is {best:g}, of which there are no shares")
    try:
        policy = measured.policy_in_game
    except NotApplicable:
        return monte_carlo_mean(np.asarray(measured.envs.unwrapped.score(*measured.texts)) / best)
    return Estimate(expected_return(mdp, policy) / best, 0.0, len(measured.texts.lengths))


def kl_soft(measured: Measured) -> Estimate:
    """KL(policy || p*), p*(x) = exp(score(x)) / Z: how far, in nats a text, the policy is from what maximises return +
    entropy at the temperature 1. Exact, by dynamic programming; the mean over the sources of a conditional task."""
    mdp = measured.game
    best = soft_policy(soft_optimum(mdp, 1.0).Q, 1.0)
    return Estimate(kl_divergence(mdp, measured.policy_in_game, best), 0.0, len(measured.texts.lengths))


MEASURES: Mapping[str, Callable[[Measured], Estimate]] = {
    "nll_oracle": nll_oracle,
    "nll_test": nll_test,
    "kl_forward": kl_forward,
    "kl_reverse": kl_reverse,
    "entropy": entropy,
    **{f"bleu_{n}": partial(bleu, max_order=n) for n in (2, 3, 4, 5)},
    **{f"self_bleu_{n}": partial(mean_self_bleu, max_order=n) for n in (2, 3, 4, 5)},
    **{f"distinct_{n}": partial(distinct, n=n) for n in (1, 2, 3)},
    "optimum_share": optimum_share,
    "kl_soft": kl_soft,
}


def sequence_nll_oracle(measured: Measured) -> tuple[float, ...]:
    """-log p_oracle of each of the policy's texts, nats a token, rounded to 1e-4: what a test over sequences compares.
    Empty where the task has no oracle."""
    try:
        values = -measured.oracle_of_own / measured.texts.lengths
    except NotApplicable:
        return ()
    return tuple(round(float(value), SEQUENCE_DIGITS) for value in values)


def estimates(names: Iterable[str], measured: Measured) -> tuple[dict[str, Estimate], dict[str, str]]:
    """The measures that apply, by name, and why each of the others does not.

    Raises:
        FloatingPointError: one that is NaN or infinite.
    """
    found: dict[str, Estimate] = {}
    reasons: dict[str, str] = {}
    for name in names:
        try:
            estimate = MEASURES[name](measured)
        except NotApplicable as reason:
            reasons[name] = str(reason)
            continue
        finite(name, estimate.value)
        found[name] = estimate
    return found, reasons


def finite(what: str, value: float) -> float:
    """`value`.

    Raises:
        FloatingPointError: it is NaN or infinite.
    """
    if not np.isfinite(value):
        raise FloatingPointError(f"{what} is {value}: the run has diverged")
    return value


def _finite(estimate: Estimate, log_q: FloatArray) -> Estimate:
    if np.isinf(estimate.value):
        raise NotApplicable(f"it is infinite, {np.isinf(log_q).sum()} of {len(log_q)} texts having probability 0")
    return estimate


def _refuse_longer(measured: Measured, n: int) -> None:
    if measured.task.max_length < n:
        raise NotApplicable(f"no text is longer than {measured.task.max_length} tokens")


def _no_nan(whose: str, log_probs: FloatArray) -> FloatArray:
    if np.isnan(log_probs).any():
        raise FloatingPointError(f"{whose} gives log-probabilities that are NaN: the run has diverged")
    return log_probs
