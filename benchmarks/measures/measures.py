"""Measures of a trained policy: a function for each, and one table of their records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Literal

import numpy as np

from benchmarks.measures.decoding import DECODED
from benchmarks.measures.measured import DECODINGS, FloatArray, Measured, NotApplicable
from benchmarks.measures.melodies import pitch_error
from benchmarks.measures.nltk_bleu import nltk_bleu
from benchmarks.measures.texts import bleu, distinct, fluency, mean_self_bleu, repetition
from textgen_env.metrics import Estimate, cross_entropy, monte_carlo_mean
from textgen_env.metrics import entropy as own_entropy
from textgen_env.metrics import kl_divergence as kl_of_samples
from textgen_env.solve import TextMDP, backward_induction, expected_return, kl_divergence, soft_optimum, soft_policy

Better = Literal["lower", "higher", ""]
RETURN = "return"
"""The mean over the final episodes: known of every run."""
SEQUENCE_DIGITS = 4


@dataclass(frozen=True)
class Quantity:
    """A number that is known of a run, as tables show it.

    Attributes:
        name: in results and files.
        title: the heading of its column.
        unit: in words; "" where it is not known.
        better: which of two values is the better one; "" where neither is, by itself.
        digits: decimals in a table.
    """

    name: str
    title: str
    unit: str = ""
    better: Better = ""
    digits: int = 3


@dataclass(frozen=True)
class Measure(Quantity):
    """A quantity that is measured of a policy; called with what is to be measured.

    Attributes:
        function: may raise `NotApplicable`.
        validation: by which name an experiment chooses points of the learning curve by it, of held-out texts; "" for
            what asks the oracle, or cannot choose.
    """

    function: Callable[[Measured], Estimate] = field(kw_only=True)
    validation: str = field(default="", kw_only=True)

    def __call__(self, measured: Measured) -> Estimate:
        """The value, with its standard error (NaN where there is none) and the number of texts.

        Raises:
            NotApplicable: the measure does not exist for this policy or task.
        """
        return self.function(measured)

    @property
    def at_validation(self) -> Quantity:
        """This measure of the texts kept for validation, at a point of the curve."""
        title = self.title.replace("_test", "_validation")
        title = title if title != self.title else f"validation {title}"
        return Quantity(validated(self.validation), title, self.unit, self.better, self.digits)


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


def optimum(mdp: TextMDP) -> float:
    """The most that can be expected of a text, in the reward's unit."""
    return float(mdp.start @ backward_induction(mdp).V)


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


def validated(validation: str) -> str:
    """Name of the measure of this validation at a point of the curve."""
    return f"validation_{validation}"


NATS = "nats a token"
SHARE = "share in [0, 1]"
# One line a measure: name, title, unit, the better direction, decimals, function.
TABLE: tuple[Measure, ...] = (
    Measure("nll_oracle", "NLL_oracle", NATS, "lower", function=nll_oracle),
    Measure("nll_test", "NLL_test", NATS, "lower", function=nll_test, validation="nll"),
    Measure("kl_forward", "KL(oracle‖agent)", NATS, "lower", function=kl_forward),
    Measure("kl_reverse", "KL(agent‖oracle)", NATS, "lower", function=kl_reverse),
    Measure("entropy", "entropy", NATS, function=entropy),
    *(
        Measure(f"bleu_{n}", f"BLEU-{n}", SHARE, "higher", function=partial(bleu, max_order=n), validation=f"bleu_{n}")
        for n in (2, 3, 4, 5)
    ),
    *(
        Measure(f"nltk_bleu_{n}", f"NLTK 3.2's BLEU-{n}", SHARE, function=partial(nltk_bleu, max_order=n))
        for n in (2, 3, 4)
    ),
    *(
        Measure(f"self_bleu_{n}", f"Self-BLEU-{n}", SHARE, "lower", function=partial(mean_self_bleu, max_order=n))
        for n in (2, 3, 4, 5)
    ),
    *(Measure(f"distinct_{n}", f"distinct-{n}", SHARE, "higher", function=partial(distinct, n=n)) for n in (1, 2, 3)),
    *(
        Measure(f"repetition_{n}", f"repeated {n}-grams", SHARE, "lower", function=partial(repetition, n=n))
        for n in (2, 3)
    ),
    Measure("fluency", "NLL_trigram", NATS, "lower", function=fluency),
    Measure(
        "optimum_share",
        "share of optimum",
        "expected return over the most that can be expected",
        "higher",
        4,
        function=optimum_share,
    ),
    Measure("pitch_error", "MSE of pitches", "semitones squared", "lower", 2, function=pitch_error),
    Measure("kl_soft", "KL(agent‖soft optimum)", "nats a text", "lower", 4, function=kl_soft),
    *(
        Measure(f"{how}_{what}", f"{how} {title}", unit, better, function=partial(function, method=how))
        for how in DECODINGS
        for what, title, unit, better, function in DECODED
    ),
)
MEASURES: Mapping[str, Measure] = MappingProxyType({each.name: each for each in TABLE})
RETURNS = frozenset({RETURN, *(f"{how}_{RETURN}" for how in DECODINGS)})
VALIDATIONS: Mapping[str, Measure] = MappingProxyType({each.validation: each for each in TABLE if each.validation})
QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        RETURN: Quantity(RETURN, "return", better="higher", digits=2),
        **MEASURES,
        **{validated(name): each.at_validation for name, each in VALIDATIONS.items()},
    }
)


def quantity(name: str, return_unit: str = "") -> Quantity:
    """The quantity of this name; of one that is not known here the name is the title.

    Args:
        name: of the return, a measure, or a measure at a validated point.
        return_unit: which only the experiment knows.
    """
    found = QUANTITIES.get(name, Quantity(name, name))
    return replace(found, unit=return_unit) if return_unit and name in RETURNS else found


def title(name: str) -> str:
    """The heading of its column."""
    return quantity(name).title


def unit(name: str, return_unit: str = "") -> str:
    """In words; "" for one that is not known here."""
    return quantity(name, return_unit).unit


def digits(name: str) -> int:
    """Decimals in a table."""
    return quantity(name).digits


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
