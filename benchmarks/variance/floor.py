"""Floor of the variance: an estimator that knows the exact advantages; what is left is which texts are written."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.exact import policy_table
from agents.functional.losses import policy_gradient_loss
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from agents.protocol import Envs, FloatArray, IntArray
from textgen_env.solve import TextMDP, evaluate_policy


class ExactAdvantage(PolicyGradientAgent):
    """Agent whose gradient is sum_t A(s_t, a_t) grad log pi(a_t | s_t), with A = Q - V by dynamic programming."""

    config_class = PolicyGradientConfig

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """As every such agent; the game is looked at, too."""
        self.mdp = TextMDP.of(envs)
        return super().gather(envs, quota, seed)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """`policy` alone."""
        batch = batch.to(self.device)
        log_probs, _, _ = self.log_probs_and_entropy(batch)
        weights = torch.from_numpy(self.advantages(batch)).float().to(self.device)
        return {"policy": policy_gradient_loss(log_probs, weights, batch.written)}

    def advantages(self, batch: TextBatch) -> FloatArray:
        """Q(s_t, a_t) - V(s_t) (N, T) of the policy as it stands; 0 after the end."""
        mdp = self.mdp
        V, Q = evaluate_policy(mdp, policy_table(self, mdp))
        sources = np.zeros(len(batch.lengths), np.int64) if batch.source_rows is None else batch.source_rows
        conditional = mdp.sources is not None
        roots = {source: mdp.state([], source if conditional else None) for source in set(sources.tolist())}
        states = np.array([roots[source] for source in sources.tolist()])
        advantages = np.zeros_like(batch.rewards)
        for t in range(advantages.shape[1]):
            going = np.flatnonzero(batch.lengths > t)
            at, chosen = states[going], batch.tokens[going, t]
            advantages[going, t] = Q[at, chosen] - V[at]
            states[going] = mdp.next_state[at, chosen]
        return advantages
