"""Returns, baselines and advantages of batches of texts. Arrays are (N, T) float64; entries past a text's length are
ignored on the way in and 0 on the way out."""

from __future__ import annotations

import numpy as np

from agents.protocol import BoolArray, FloatArray, IntArray
from textgen_env.checks import check_shape


def written(lengths: IntArray, horizon: int) -> BoolArray:
    """(N, T): which positions hold a token."""
    check_shape("lengths", lengths, ("N",))
    return np.arange(horizon) < lengths[:, None]


def check_texts(lengths: IntArray, **arrays: FloatArray) -> None:
    """Refuses arrays that are not (N, T) of the texts of `lengths` (N,).

    Raises:
        ValueError: naming the argument and its shape.
    """
    shape: tuple[int | str, ...] = ("N", "T")
    for name, array in arrays.items():
        shape = check_shape(name, array, shape)
    check_shape("lengths", lengths, shape[:1])


def reward_to_go(rewards: FloatArray, lengths: IntArray, discount: float = 1.0) -> FloatArray:
    """G_t = sum_{k >= t} discount^{k-t} r_k: what a token can still change.

    With it in place of the whole return, REINFORCE is unbiased and varies less (Williams 1992, section 5, "episodic
    REINFORCE"; Sutton, McAllester, Singh and Mansour 2000, equation 2). With discount < 1 the factor discount^t of the
    exact gradient is left out, as is usual: late tokens then count as much as early ones.

    Args:
        rewards: (N, T). lengths: (N,). discount: in [0, 1].
    """
    check_texts(lengths, rewards=rewards)
    paid = rewards * written(lengths, rewards.shape[1])
    returns = np.zeros_like(paid)
    to_go = np.zeros(len(paid))
    for t in reversed(range(paid.shape[1])):
        to_go = paid[:, t] + discount * to_go
        returns[:, t] = to_go
    return returns


def whole_return(rewards: FloatArray, lengths: IntArray, discount: float = 1.0) -> FloatArray:
    """G_0 = sum_k discount^k r_k at every token of the text (Williams 1992, theorem 2)."""
    check_texts(lengths, rewards=rewards)
    first = reward_to_go(rewards, lengths, discount)[:, :1]
    return first * written(lengths, rewards.shape[1])


def no_baseline(returns: FloatArray) -> FloatArray:
    """0."""
    check_shape("returns", returns, ("N", "T"))
    return np.zeros_like(returns)


def constant_baseline(returns: FloatArray, value: float) -> FloatArray:
    """`value` at every token: the "reinforcement baseline" of Williams 1992, section 4, at its simplest."""
    check_shape("returns", returns, ("N", "T"))
    return np.full_like(returns, value)


def batch_mean_baseline(returns: FloatArray, lengths: IntArray) -> FloatArray:
    """b_{n,t} = the mean of G_{m,t} over the *other* texts m that have a token at t; 0 if there is none.

    A baseline may depend on anything but the action it is subtracted for (Williams 1992, section 4). Leaving out a
    text's own return keeps it so, and the gradient unbiased (Kool, van Hoof and Welling 2019, "Buy 4 REINFORCE
    samples, get a baseline for free!", equation 4); with it, the gradient would shrink by (N-1)/N.
    """
    check_texts(lengths, returns=returns)
    counted = written(lengths, returns.shape[1])
    others = counted.sum(0) - 1
    sums = (returns * counted).sum(0) - returns
    return np.where(counted & (others > 0), sums / np.maximum(others, 1), 0.0)


def scaled_to_unit(advantages: FloatArray, lengths: IntArray, epsilon: float = 1e-8) -> FloatArray:
    """The advantages divided by their root mean square over all tokens: the size of a gradient, and the weight of an
    entropy bonus beside it, then hardly depend on the reward's unit. Their mean is not touched, so the gradient keeps
    its direction up to the noise of the divisor."""
    check_texts(lengths, advantages=advantages)
    counted = written(lengths, advantages.shape[1])
    mean_square = np.square(advantages[counted]).mean() if counted.any() else 0.0
    return np.asarray(advantages * counted / (np.sqrt(mean_square) + epsilon))


def gae(
    rewards: FloatArray, values: FloatArray, lengths: IntArray, discount: float = 1.0, lambda_: float = 1.0
) -> FloatArray:
    """A_t = sum_{k >= t} (discount lambda)^{k-t} delta_k, delta_k = r_k + discount V(s_{k+1}) - V(s_k), V = 0 after the
    text's end: the generalised advantage estimate (Schulman, Moritz, Levine, Jordan and Abbeel 2016, "High-Dimensional
    Continuous Control Using Generalized Advantage Estimation", equation 16).

    With lambda = 1 it is the reward-to-go less V(s_t) and unbiased as a credit, whatever V; with less it varies less
    and is as biased as V is wrong; with 0 it is delta_t.

    Args:
        rewards, values: (N, T), values V(s_t) before token t. lengths: (N,). discount, lambda_: in [0, 1].
    """
    check_texts(lengths, rewards=rewards, values=values)
    estimated = values * written(lengths, values.shape[1])
    following = np.concatenate([estimated[:, 1:], np.zeros((len(estimated), 1))], 1)
    return reward_to_go(rewards + discount * following - estimated, lengths, discount * lambda_)


def n_step_returns(
    rewards: FloatArray, values: FloatArray, lengths: IntArray, n: int, discount: float = 1.0
) -> FloatArray:
    """G_t = sum_{k < n} discount^k r_{t+k} + discount^n V(s_{t+n}), without the last term where the text has ended by
    then, whose value is 0 (Sutton and Barto 2018, equation 7.1).

    Args:
        rewards: (N, T). values: (N, T) V(s_t) before token t. lengths: (N,). n: >= 1. discount: in [0, 1].
    """
    check_texts(lengths, rewards=rewards, values=values)
    horizon = rewards.shape[1]
    counted = written(lengths, horizon)
    n = min(n, horizon)
    # Past the horizon there are zeros.
    paid, ahead = (np.pad(array * counted, ((0, 0), (0, n))) for array in (rewards, values))
    returns = discount**n * ahead[:, n:]
    for k in range(n):
        returns = returns + discount**k * paid[:, k : k + horizon]
    return np.asarray(returns * counted)


def leave_one_out_baseline(returns: FloatArray, group_size: int) -> FloatArray:
    """b_n = the mean return of the other texts of n's group, (M,): REINFORCE Leave-One-Out (Kool, van Hoof and Welling
    2019, equation 8; Ahmadian et al. 2024, "Back to Basics", equation 8). The gradient stays unbiased.

    Args:
        returns: (M,) of whole texts, groups one behind the other.
        group_size: k >= 2 texts of each group.

    Raises:
        ValueError: texts that do not make whole groups.
    """
    groups = grouped(returns, group_size)
    others = (groups.sum(1, keepdims=True) - groups) / (group_size - 1)
    return np.asarray(others.reshape(-1))


def group_relative_advantages(
    returns: FloatArray, group_size: int, divide_by_std: bool = True, epsilon: float = 1e-4
) -> FloatArray:
    """A_n = (R_n - mean) / (std + epsilon) over n's group, (M,): Group Relative Policy Optimisation (Shao et al. 2024,
    "DeepSeekMath", section 4.1.2). Arguments and errors as `leave_one_out_baseline`.

    Without the division (Liu et al. 2025, "Understanding R1-Zero-like training", "Dr. GRPO") they are (k-1)/k times
    those of `leave_one_out_baseline`: the mean holds the text's own return. With it the gradient is that of another
    objective, in which groups whose returns differ little weigh as much as those whose returns differ much. The paper
    does not say which std; this is the unbiased one, as trainers have it.
    """
    groups = grouped(returns, group_size)
    advantages = groups - groups.mean(1, keepdims=True)
    if divide_by_std:
        advantages = advantages / (groups.std(1, ddof=1, keepdims=True) + epsilon)
    return np.asarray(advantages.reshape(-1))


def grouped(returns: FloatArray, group_size: int) -> FloatArray:
    """(M,) as (M / k, k).

    Raises:
        ValueError: groups of fewer than two, or texts that do not make whole groups.
    """
    check_shape("returns", returns, ("M",))
    if group_size < 2 or len(returns) % group_size:
        raise ValueError(
            f"group_size={group_size!r} must be at least 2 and divide the {len(returns)} texts; play whole groups"
        )
    return returns.reshape(-1, group_size)
