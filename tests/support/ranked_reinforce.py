import torch

from agents.functional.losses import policy_gradient_loss
from agents.functional.returns import written
from agents.policy_gradient.base import Played, PolicyGradientAgent, PolicyGradientConfig


class Ranked(PolicyGradientAgent):
    """REINFORCE on the ranks of the returns in their batch: neither unit nor outliers of a reward count."""

    config_class = PolicyGradientConfig

    def losses(self, episodes):
        ranks = episodes.returns.argsort().argsort() / (len(episodes.returns) - 1) - 0.5
        advantages = ranks[:, None] * written(episodes.lengths, self.spec.max_length)
        played = Played.of(episodes, self.device)
        log_probs, entropy, _ = self.log_probs_and_entropy(played)
        policy = policy_gradient_loss(log_probs, torch.from_numpy(advantages).float(), played.written)
        return {"policy": policy, "entropy": entropy}
