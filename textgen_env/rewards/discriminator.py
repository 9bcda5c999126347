"""The discriminator as a reward: a network that tells the texts an agent writes from real ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from textgen_env.checks import check_choice, check_number
from textgen_env.models.discriminator import Discriminator
from textgen_env.models.text_cnn import TextCNN
from textgen_env.rewards.base import FloatArray
from textgen_env.rewards.learned import LearnedReward
from textgen_env.tasks.base import Sources
from textgen_env.vocabulary import IntArray


@dataclass(kw_only=True, eq=False)
class DiscriminatorReward(LearnedReward[Discriminator]):
    """Realness of a text to a discriminator that learns as the agent writes.

    The discriminator is a `TextCNN`. Every `update_every` finished episodes it takes `steps` updates with Adam on
    those texts against as many real ones (the task's training data), minimising binary cross-entropy. It changes at
    the end of an episode only, after the texts that ended were paid, and depends on nothing but the arguments and the
    sequence of finished texts: bit for bit on a CPU with a fixed number of threads.
    For a task without sources. Source: Yu, Zhang, Wang, Yu: SeqGAN, AAAI 2017, eqs. 4, 5 and section 3.3.

    Args:
        output: what is paid: "probability", D(text) in (0, 1), as SeqGAN does; or "log_odds", log D - log(1 - D), nats.
        columns: of the output layer: 1, a logit; or 2, a softmax over (written, real), as in SeqGAN's code: the same
            probabilities, which Adam moves twice as fast.
        l2: weight of the penalty on the output layer, see `models.discriminator.output_penalty` (SeqGAN: 0.2).
        auto_update: False leaves learning to calls of `update`.
        update_every: finished episodes between two rounds of updates.
        steps: updates in a round.
        batch_size: texts in an update, half of them written, half real (SeqGAN: 64).
        learning_rate: of Adam (SeqGAN: 1e-4).
        embedding_size, widths, counts, dropout: the network's sizes, see `TextCNNConfig`.
        seed: of the initial weights, the batches and the dropout.
        device: where the network runs.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
    """

    name = "discriminator"
    output: Literal["probability", "log_odds"] = "probability"
    columns: Literal[1, 2] = 1
    l2: float = 0.2

    def __post_init__(self) -> None:
        check_choice("columns", self.columns, (1, 2))
        check_choice("output", self.output, ("probability", "log_odds"))
        check_number("l2", self.l2)
        super().__post_init__()

    def _new_learner(
        self, vocab_size: int, max_length: int, real: IntArray, generator: torch.Generator
    ) -> Discriminator:
        network = TextCNN(vocab_size, max_length, self.config, generator, self.columns)
        return Discriminator(network, real, generator, self.batch_size, self.learning_rate, self.l2, self.device)

    @property
    def discriminator(self) -> Discriminator:
        """The discriminator of a bound reward, which learns."""
        return self.learner

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """Scores (N,) of the texts (N, T), (N,), without dropout, in the unit that `output` says."""
        log_odds = self.learner.log_odds(self._checked(tokens, lengths))
        if self.output == "log_odds":
            return log_odds
        probability: FloatArray = torch.from_numpy(log_odds).sigmoid().numpy()
        return probability

    def score_one(self, text: IntArray, length: int, source: int | None) -> float | None:
        """`score` of one text, compiled."""
        log_odds = None if self._learner is None else self._learner.log_odds_one(text)
        if log_odds is None or self.output == "log_odds":
            return log_odds
        # e^x of a large x overflows; of -x it does not.
        odds = math.exp(-abs(log_odds))
        return 1 / (1 + odds) if log_odds > 0 else odds / (1 + odds)

    def soft_score(self, one_hots: Tensor, sources: Sources | None = None) -> Tensor:
        """`score` of texts whose tokens are mixtures: weights (N, T, V + 1) of the ids, the blank among them, in which
        it is differentiable. Of one-hot weights the score of those ids: (N,) float32, in the unit that `output` says.

        Raises:
            ValueError: weights of another shape.
        """
        expected = self.learner.real.shape[1], self.learner.network.embedding.num_embeddings
        if one_hots.ndim != 3 or one_hots.shape[1:] != expected:
            raise ValueError(f"one_hots has shape {tuple(one_hots.shape)}, expected (N, {expected[0]}, {expected[1]})")
        log_odds = self.learner.soft_log_odds(one_hots)
        return log_odds if self.output == "log_odds" else log_odds.sigmoid()
