"""Divergence of two distributions of texts, from the log-probabilities of texts drawn from one of them.

Every function is a Monte-Carlo estimate over N texts that were drawn independently, and gives its standard error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.metrics.ngrams import FloatArray


class Estimate(NamedTuple):
    """A Monte-Carlo estimate.

    Attributes:
        value: the estimate.
        error: its standard error, in the unit of `value`; NaN where it is not known: of a single text, or where the
            value is infinite.
        count: texts that it rests on.
    """

    value: float
    error: float
    count: int  # type: ignore[assignment]  # the method tuple.count gives way


def monte_carlo_mean(values: ArrayLike) -> Estimate:
    """The mean m of `values` (N,) drawn independently, with its standard error
    sqrt(sum_i (x_i - m)^2 / (N (N - 1))).

    Raises:
        TypeError: values that are not numbers.
        ValueError: none, another shape, or a NaN; both infinities.
    """
    return _estimate(_checked("values", values))


def ratio_of_means(numerators: ArrayLike, denominators: ArrayLike) -> Estimate:
    """R = sum_i y_i / sum_i x_i of pairs drawn independently, with the standard error of the delta method,
    sqrt(sum_i (y_i - R x_i)^2 / (N (N - 1))) / mean(x).

    Cochran, "Sampling Techniques" (1977), section 2.11. The bias of R is of order 1/N. Where all x are equal, it is
    the mean of y / x and its standard error.

    Args:
        numerators: y (N,).
        denominators: x (N,), >= 0 and not all 0.

    Raises:
        TypeError: values that are not numbers.
        ValueError: none, other shapes, or a NaN; a denominator out of range; numerators of both infinities.
    """
    y, x = _checked("numerators", numerators), _checked("denominators", denominators)
    if x.shape != y.shape:
        raise ValueError(f"denominators has shape {x.shape}, expected that of numerators, {y.shape}")
    if not (np.isfinite(x) & (x >= 0)).all() or not x.any():
        raise ValueError("denominators must be finite, >= 0 and not all 0")
    return _estimate(y, x)


def cross_entropy(log_q: ArrayLike, lengths: ArrayLike | None = None) -> Estimate:
    """H(p, q) = -E_p[log q(x)], from texts drawn from p: the negative log-likelihood, in nats.

    Args:
        log_q: (N,) log q of each text, in nats; -inf where q(x) = 0, whereupon the value is inf.
        lengths: (N,) tokens of each text, for nats a token: the sum of -log q over all texts, divided by all their
            tokens, as a perplexity is. None for nats a text.

    Raises:
        TypeError, ValueError: as `ratio_of_means`; a log_q of +inf.
    """
    return _a_text_or_token(-_checked_log_probs("log_q", log_q), lengths)


def entropy(log_p: ArrayLike, lengths: ArrayLike | None = None) -> Estimate:
    """H(p) = -E_p[log p(x)], from texts drawn from p itself, in nats a text, or a token where `lengths` are given.

    Args:
        log_p: (N,) log p of each text, in nats; finite, for no text that was drawn has probability 0.
        lengths: (N,), see `cross_entropy`.

    Raises:
        TypeError, ValueError: as `cross_entropy`; a log_p of -inf.
    """
    return _a_text_or_token(-_checked_own("log_p", log_p), lengths)


def kl_divergence(log_p: ArrayLike, log_q: ArrayLike, lengths: ArrayLike | None = None) -> Estimate:
    """KL(p || q) = E_p[log p(x) - log q(x)], from texts drawn from p, in nats a text, or a token where `lengths` are
    given.

    Kullback and Leibler, "On Information and Sufficiency" (1951), equation 2.4. The estimate may be negative by chance
    although the divergence is not.

    Args:
        log_p: (N,) log p of each text, in nats; finite, for no text that was drawn has probability 0.
        log_q: (N,) log q of the same texts; -inf where q(x) = 0: one such text shows the divergence to be inf.
        lengths: (N,), see `cross_entropy`.

    Raises:
        TypeError, ValueError: as `cross_entropy`; a log_p of -inf, or of another shape than log_q.
    """
    own, other = _checked_own("log_p", log_p), _checked_log_probs("log_q", log_q)
    if own.shape != other.shape:
        raise ValueError(f"log_q has shape {other.shape}, expected that of log_p, {own.shape}")
    return _a_text_or_token(own - other, lengths)


def _a_text_or_token(values: FloatArray, lengths: ArrayLike | None) -> Estimate:
    return _estimate(values) if lengths is None else ratio_of_means(values, lengths)


def _estimate(y: FloatArray, x: FloatArray | None = None) -> Estimate:
    """sum y / sum x with its standard error; every x is 1 if None."""
    count = len(y)
    size = 1.0 if x is None else float(x.mean())
    value = float(y.mean()) / size
    if count < 2 or not np.isfinite(value):
        return Estimate(value, float("nan"), count)
    residuals = y - value * (1.0 if x is None else x)
    return Estimate(value, float(np.sqrt(residuals @ residuals / (count * (count - 1)))) / size, count)


def _checked(name: str, values: ArrayLike) -> FloatArray:
    found = np.asarray(values)
    if found.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be numbers, got dtype {found.dtype}")
    if found.ndim != 1 or not len(found):
        raise ValueError(f"{name} must be (N,) with N >= 1, got shape {found.shape}")
    if np.isnan(found).any():
        raise ValueError(f"{name} has {np.isnan(found).sum()} NaN among {len(found)} values")
    if found.min() == -np.inf and found.max() == np.inf:
        raise ValueError(f"{name} has values of both inf and -inf, which have no mean")
    return found.astype(np.float64)


def _checked_log_probs(name: str, values: ArrayLike) -> FloatArray:
    found = _checked(name, values)
    if found.max() == np.inf:
        raise ValueError(f"{name} has a value of inf; the log of a probability is at most 0")
    return found


def _checked_own(name: str, values: ArrayLike) -> FloatArray:
    found = _checked_log_probs(name, values)
    if found.min() == -np.inf:
        raise ValueError(f"{name} has a value of -inf: texts drawn from p have probability above 0; draw them from p")
    return found
