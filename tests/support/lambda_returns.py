"""The lambda-return, written out from its recursion: what advantages and TD(lambda) are compared with."""

from __future__ import annotations

import numpy as np

from agents.functional.returns import written
from agents.protocol import FloatArray, IntArray


def lambda_returns(
    rewards: FloatArray, values: FloatArray, lengths: IntArray, trace_decay: float, discount: float = 1.0
) -> FloatArray:
    """G_t = r_t + discount ((1 - lambda) V(s_{t+1}) + lambda G_{t+1}), 0 after the end: the mean of all n-step returns
    weighted by (1 - lambda) lambda^{n-1} (Sutton 1988; Sutton and Barto 2018, equation 12.3).

    Args:
        rewards: (N, T). values: (N, T) V(s_t) before token t. lengths: (N,). trace_decay: lambda in [0, 1].
        discount: in [0, 1].
    """
    counted = written(lengths, rewards.shape[1])
    paid, known = rewards * counted, values * counted
    returns = np.zeros_like(paid)
    ahead = to_go = np.zeros(len(paid))
    for t in reversed(range(paid.shape[1])):
        to_go = paid[:, t] + discount * ((1 - trace_decay) * ahead + trace_decay * to_go)
        ahead = known[:, t]
        returns[:, t] = to_go
    return returns
