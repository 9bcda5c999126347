"""Importance weights, by which texts of one policy estimate the return of another. Pure functions of arrays (N, T)
float64; entries past a text's length are ignored on the way in and 0 on the way out.

Precup, Sutton and Singh, "Eligibility traces for off-policy policy evaluation" (2000), sections 3 and 4. With b the
behaviour policy and pi the target, rho_t = pi(x_t | x_<t) / b(x_t | x_<t).
"""

from __future__ import annotations

import numpy as np

from agents.functional.returns import check_texts, reward_to_go, written
from agents.protocol import FloatArray, IntArray
from textgen_env.checks import check_shape


def trajectory_weights(log_ratios: FloatArray, lengths: IntArray) -> FloatArray:
    """rho_1 .. rho_L at every token of a text of L tokens: of the whole text (equation 3). inf where it overflows.

    Args:
        log_ratios: (N, T) log rho_t. lengths: (N,).
    """
    check_texts(lengths, log_ratios=log_ratios)
    counted = written(lengths, log_ratios.shape[1])
    with np.errstate(over="ignore"):
        return np.where(counted, np.exp((log_ratios * counted).sum(1, keepdims=True)), 0.0)


def decision_weights(log_ratios: FloatArray, lengths: IntArray) -> FloatArray:
    """rho_1 .. rho_t at token t: of the text as far as it is written then (equation 7). Arguments as
    `trajectory_weights`; what is paid at t does not depend on later tokens, so their ratios only add noise."""
    check_texts(lengths, log_ratios=log_ratios)
    counted = written(lengths, log_ratios.shape[1])
    with np.errstate(over="ignore"):
        return np.where(counted, np.exp((log_ratios * counted).cumsum(1)), 0.0)


def clipped(weights: FloatArray, most: float) -> FloatArray:
    """min(w, most): the variance is bounded, and texts that the target writes far more often are undervalued (Ionides
    2008, "Truncated importance sampling")."""
    check_shape("weights", weights, ("N", "T"))
    return np.minimum(weights, most)


def self_normalised(weights: FloatArray, lengths: IntArray) -> FloatArray:
    """w / (the mean of w over the N texts), at each position; a text that has ended counts with its last weight.

    Estimates are then weighted means, which never leave the range of what was seen; they are biased by O(1/N) (Precup
    et al. 2000, equation 4, "weighted importance sampling").
    """
    check_texts(lengths, weights=weights)
    last = np.maximum(lengths - 1, 0)
    kept = np.where(written(lengths, weights.shape[1]), weights, weights[np.arange(len(weights)), last][:, None])
    means = kept.mean(0)
    return np.asarray(weights / np.where(means > 0, means, 1.0))


def off_policy_credit(
    rewards: FloatArray, weights: FloatArray, lengths: IntArray, per_decision: bool, discount: float = 1.0
) -> FloatArray:
    """Credit of token t: w_t G_t, or per decision sum_{k >= t} discount^{k-t} w_k r_k. The mean over the behaviour's
    texts of sum_t credit_t grad log pi(x_t | x_<t) is the gradient of the target's expected return, the weights being
    `trajectory_weights`, or `decision_weights` per decision."""
    check_texts(lengths, rewards=rewards, weights=weights)
    if per_decision:
        return reward_to_go(weights * rewards, lengths, discount)
    return weights * reward_to_go(rewards, lengths, discount)


def weighted_mean_baseline(credit: FloatArray, weights: FloatArray, lengths: IntArray) -> FloatArray:
    """b_{n,t} = sum_m credit_{m,t} / sum_m w_{m,t} over the *other* texts m that have a token at t: what the target
    earns from t on, by the other texts; 0 if there are none. Less w_t b_t the credit leaves the gradient unbiased."""
    check_texts(lengths, credit=credit, weights=weights)
    counted = written(lengths, credit.shape[1])
    credits, weighed = credit * counted, weights * counted
    others = weighed.sum(0) - weighed
    # Without the others' weight, rounding would decide.
    some = counted & (others > 1e-9 * np.maximum(weighed.sum(0), 1e-300))
    return np.where(some, (credits.sum(0) - credits) / np.where(some, others, 1.0), 0.0)


def effective_share(weights: FloatArray) -> float:
    """(sum w)^2 / (N sum w^2) in (0, 1], of one weight a text (N,): the share of the texts that as many of the target's
    own would stand for (Kong 1992, "A note on importance sampling using standardized weights")."""
    check_shape("weights", weights, ("N",))
    largest = weights.max(initial=0.0)
    if not largest > 0:
        return 0.0
    shares = weights / largest
    return float(shares.sum() ** 2 / (len(shares) * np.square(shares).sum()))
