"""REINFORCE on ranks, as a user may write it on the base of policy-gradient agents."""

import torch

from agents.functional.losses import policy_gradient_loss
from agents.functional.returns import written
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig


class Ranked(PolicyGradientAgent):
    """REINFORCE on the ranks of the returns in their batch: neither unit nor outliers of a reward count."""

    config_class = PolicyGradientConfig

    def losses(self, batch):
        ranks = batch.returns.argsort().argsort() / (len(batch.returns) - 1) - 0.5
        advantages = ranks[:, None] * written(batch.lengths, self.spec.max_length)
        log_probs, entropy, _ = self.log_probs_and_entropy(batch)
        policy = policy_gradient_loss(log_probs, torch.from_numpy(advantages).float(), batch.written)
        return {"policy": policy, "entropy": entropy}
