"""MIXER, Mixed Incremental Cross-Entropy Reinforce: the policy takes over from the true text, from its end backwards.

Ranzato, Chopra, Auli and Zaremba, "Sequence level training with recurrent neural networks" (2016), algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from agents.bases.episodic import check_rewards
from agents.data.episodes import play_from
from agents.data.text_batch import TextBatch
from agents.data.training_texts import TrainingTexts
from agents.functional.losses import entropy, policy_gradient_loss, value_loss
from agents.functional.returns import reward_to_go, scaled_to_unit, written
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from agents.protocol import Callback, Envs
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class MixerConfig(PolicyGradientConfig):
    """Hyperparameters, with those of Ranzato et al. 2016 in brackets, who count epochs of the training texts, descend
    without Adam and have no entropy bonus."""

    entropy_weight: float = 1.0  # of the entropy bonus, at the start: it undoes what imitation was too sure of [0]
    entropy_half_life: int | None = 40_000  # tokens written until the entropy bonus has halved; None: constant
    xent_updates: int = 50  # N^XENT: updates of maximum likelihood alone [20 or 25 epochs]
    anneal_updates: int = 10  # N^XE+R: updates at each s [5 epochs]
    anneal_step: int = 1  # Delta: by how many tokens s falls [2 or 3]
    value_weight: float = 1.0  # of the baseline's error in the loss
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("xent_updates", self.xent_updates, least=0)
        for name in ("anneal_updates", "anneal_step"):
            check_at_least(name, getattr(self, name))
        check_number("value_weight", self.value_weight)
        self.refuse_likelihood("MIXER's likelihood is that of the true tokens before its own")

    def true_tokens(self, updates: int, horizon: int) -> int:
        """s, the tokens of a text that are still the true ones, after that many updates; T = `horizon` at first."""
        if updates < self.xent_updates:
            return horizon
        return max(0, horizon - self.anneal_step * (1 + (updates - self.xent_updates) // self.anneal_updates))


class Mixer(PolicyGradientAgent):
    """Agent that minimises -sum_{t <= s} log pi(x_t | x_<t) of the true text and, in the same texts, follows sum_{t >
    s} (G_t - b_t) grad log pi(x_t | x_<t) of its own continuation. s falls from T to 0, where it is REINFORCE with a
    learned baseline, which does not read the training texts any more. Continuations are written in the environment,
    from the true prefix and its source."""

    config_class = MixerConfig
    config: MixerConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Goes on with algorithm 1 until `total_tokens` more tokens have been read or written. Losses reported: `nll`,
        in the phase "mle" in nats a token and in "mixed" in nats a text; in "mixed" and "reinforce" `policy`, `value`
        and `entropy`. The mean return is that of the continuations. For every batch that is written the environment is
        seeded from the agent's own generator, so that training in parts is training at once.

        Raises:
            ValueError: the task has no training data, or envs of another shape.
            FloatingPointError: a reward, a loss or the gradient is not finite.
        """
        self.spec.check_envs(envs)
        config, horizon = self.config, self.spec.max_length
        until = self.tokens_spent + check_at_least("total_tokens", total_tokens)
        texts = TrainingTexts(envs, self.spec, config.batch_size, self.order_seed, self.device)
        quota = np.full(envs.num_envs, -(-config.batch_size // envs.num_envs))
        goes_on = True
        while goes_on and self.tokens_spent < until:
            true_tokens = config.true_tokens(self.updates, horizon)
            if true_tokens == horizon:
                losses = self.imitate(texts.batch(self.batches_read), self.optimiser)
                goes_on = self.report_progress(callback, float("nan"), losses, "mle")
                continue
            seed = int(torch.randint(2**31, (), generator=self.generator))
            if true_tokens:
                batch = self.continuations(envs, texts.batch(self.batches_read), true_tokens, seed)
                self.batches_read += 1
                self.tokens_read += int(np.minimum(batch.lengths, true_tokens).sum())
            else:
                batch = self.gather(envs, quota, seed)
            check_rewards(self, batch)
            self.tokens_generated += batch.tokens_written
            losses = self.learn(batch)
            continued = batch.returns[batch.lengths > true_tokens]
            mean_return = float(continued.mean()) if len(continued) else float("nan")
            phase = "mixed" if true_tokens else "reinforce"
            goes_on = self.report_progress(callback, mean_return, losses, phase)
        return self

    def continuations(self, envs: Envs, batch: TextBatch, true_tokens: int, seed: int | None = None) -> TextBatch:
        """The texts of a batch, those longer than `true_tokens` written anew from there on. True tokens are given and
        earn nothing; a text that is not longer keeps all of its tokens."""
        tokens, lengths, rewards = batch.tokens.copy(), batch.lengths.copy(), np.zeros(batch.tokens.shape)
        mixed = replace(
            batch, tokens=tokens, lengths=lengths, rewards=rewards, given=np.minimum(lengths, true_tokens), scored=True
        )
        longer = np.flatnonzero(lengths > true_tokens)
        if not len(longer):
            return mixed
        rows = batch.source_rows
        starts = {"prefix": tokens[longer, :true_tokens]} | ({} if rows is None else {"source": rows[longer]})
        played = play_from(self.explore, envs, starts, seed=seed, masked=True)
        tokens[longer], lengths[longer], rewards[longer] = played.tokens, played.lengths, played.rewards
        return replace(mixed, allowed_tokens=played.allowed_tokens, tokens_written=played.tokens_written)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """`policy`, `value` and `entropy` of the tokens that this policy wrote, and `nll`, in nats a text, of the true
        ones before them."""
        true = 0 if batch.given is None else int(batch.given.max())
        batch = batch.to(self.device)
        layer = self.network.layer_over(batch.token_ids, batch.source_ids)
        log_probs, entropies = self.log_probs_and_entropies(batch, layer)
        own = batch.written.clone()
        own[:, :true] = False
        values = self.network.values(layer.hidden)
        returns = reward_to_go(batch.rewards, batch.lengths, self.config.discount)
        advantages = returns - values.detach().double().cpu().numpy()
        advantages = advantages * written(batch.lengths, self.spec.max_length)
        if self.config.scale_advantages:
            advantages[:, true:] = scaled_to_unit(advantages[:, true:], np.maximum(batch.lengths - true, 0))
        terms = {
            "policy": policy_gradient_loss(log_probs, self.float_tensor(advantages), own),
            "value": value_loss(values, self.float_tensor(returns), own),
            "entropy": entropy(entropies, own),
        }
        return terms | ({"nll": -log_probs[:, :true].sum() / len(log_probs)} if true else {})

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """policy + nll + value_weight * value - entropy_weight * 2^(-tokens / half-life) * entropy."""
        loss = super().total_loss(terms) + self.config.value_weight * terms["value"]
        return loss + terms["nll"] if "nll" in terms else loss

    def _has_value_head(self) -> bool:
        return True
