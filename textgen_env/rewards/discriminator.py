"""A reward that learns: a network that tells the texts an agent writes from real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from textgen_env.models.discriminator import Discriminator
from textgen_env.models.text_cnn import TextCNN, TextCNNConfig
from textgen_env.rewards.base import FloatArray
from textgen_env.rewards.learned import LearnedReward, checked_number
from textgen_env.tasks.base import Sources
from textgen_env.vocabulary import IntArray


class DiscriminatorReward(LearnedReward[Discriminator]):
    """How real a text looks to a discriminator that learns as the agent writes.

    The discriminator is a `TextCNN`. Every `update_every` finished episodes it takes `d_steps` updates with Adam on
    those texts against as many real ones (the task's training data), minimising binary cross-entropy. It changes at
    the end of an episode only, after the texts that ended were paid, and depends on nothing but the arguments and the
    sequence of finished texts: bit for bit on a CPU with a fixed number of threads.
    For a task without sources. Source: Yu, Zhang, Wang, Yu: SeqGAN, AAAI 2017, eqs. 4, 5 and section 3.3.

    Args:
        output: what is paid: "probability", D(text) in (0, 1), as SeqGAN does; or "log_odds", log D - log(1 - D), nats.
        auto_update: False leaves learning to calls of `update`.
        update_every: finished episodes between two rounds of updates.
        d_steps: updates in a round.
        d_batch_size: texts in an update, half of them written, half real (SeqGAN: 64).
        d_learning_rate: of Adam (SeqGAN: 1e-4).
        d_l2: weight of the penalty on the output layer, see `models.discriminator.output_penalty` (SeqGAN: 0.2).
        d_embedding_size, d_widths, d_counts, d_dropout: the network's sizes, see `TextCNNConfig`.
        discriminator_seed: of the initial weights, the batches and the dropout.
        device: where the network runs.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
    """

    name = "discriminator"

    def __init__(
        self,
        output: Literal["probability", "log_odds"] = "probability",
        auto_update: bool = True,
        update_every: int = 64,
        d_steps: int = 4,
        d_batch_size: int = 64,
        d_learning_rate: float = 1e-3,
        d_l2: float = 0.2,
        d_embedding_size: int = TextCNNConfig.embedding_size,
        d_widths: Sequence[int] = TextCNNConfig.widths,
        d_counts: Sequence[int] = TextCNNConfig.counts,
        d_dropout: float = TextCNNConfig.dropout,
        discriminator_seed: int = 0,
        device: str = "cpu",
    ) -> None:
        if output not in ("probability", "log_odds"):
            raise ValueError(f"output={output!r} must be 'probability' or 'log_odds'")
        self.output = output
        self.d_l2 = checked_number("d_l2", d_l2)
        super().__init__(
            auto_update,
            update_every,
            d_steps,
            d_batch_size,
            d_learning_rate,
            (d_embedding_size, d_widths, d_counts, d_dropout),
            discriminator_seed,
            device,
        )

    def _new_learner(
        self, vocab_size: int, max_length: int, real: IntArray, generator: torch.Generator
    ) -> Discriminator:
        network = TextCNN(vocab_size, max_length, self.config, generator)
        return Discriminator(network, real, generator, self.d_batch_size, self.d_learning_rate, self.d_l2, self.device)

    @property
    def discriminator(self) -> Discriminator:
        """What learns; of a bound reward."""
        return self.learner

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """What the texts (N, T), (N,) are paid, without dropout: (N,), in the unit that `output` says."""
        log_odds = self.learner.log_odds(self._checked(tokens, lengths))
        if self.output == "log_odds":
            return log_odds
        probability: FloatArray = torch.from_numpy(log_odds).sigmoid().numpy()
        return probability

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
