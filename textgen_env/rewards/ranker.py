"""A reward that learns: a network that ranks the texts an agent writes among real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from textgen_env.checks import check_at_least
from textgen_env.models.ranker import Ranker
from textgen_env.models.text_cnn import TextCNNConfig, TextEncoder
from textgen_env.rewards.base import FloatArray
from textgen_env.rewards.learned import LearnedReward, checked_number
from textgen_env.tasks.base import Sources
from textgen_env.vocabulary import IntArray


class RankerReward(LearnedReward[Ranker]):
    """How high a text ranks among real texts, by a ranker that learns as the agent writes: the reward of RankGAN.

    A text's rank score R(s | U, C) in (0, 1) says how relevant it is to a reference set U, among a comparison set C:
    see `models.ranker.log_rank`. Relevance is the cosine between what a `TextEncoder` makes of two texts. U and C are
    real texts (the task's training data), drawn anew after each round of updates; between two rounds a text's score
    depends on the text alone. A text that cannot be told from the real ones has a rank of about 1 / (|C| + 1).

    Every `update_every` finished episodes the ranker takes `d_steps` updates with Adam on those texts and real ones. It
    changes at the end of an episode only, after the texts that ended were paid, and depends on nothing but the
    arguments and the sequence of finished texts: bit for bit on a CPU with a fixed number of threads.
    For a task without sources. Source: Lin, Li, He, Zhang, Sun: Adversarial Ranking for Language Generation, NeurIPS
    2017, section 3; sizes as of the discriminator that it takes the place of.

    Args:
        output: what is paid: "log_rank", log R in nats, as in the paper's objective; or "rank", R.
        auto_update: False leaves learning to calls of `update`.
        update_every: finished episodes between two rounds of updates.
        d_steps: updates in a round.
        d_batch_size: texts ranked in an update, half of them written, half real; the sets U and C come on top.
        d_learning_rate: of Adam.
        d_gamma: the inverse temperature that relevances are multiplied by.
        d_reference_size, d_comparison_size: |U|, |C|.
        d_embedding_size, d_widths, d_counts, d_dropout: the network's sizes, see `TextCNNConfig`.
        discriminator_seed: of the initial weights, the batches, the sets and the dropout.
        device: where the network runs.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
    """

    name = "ranker"

    def __init__(
        self,
        output: Literal["log_rank", "rank"] = "log_rank",
        auto_update: bool = True,
        update_every: int = 64,
        d_steps: int = 4,
        d_batch_size: int = 64,
        d_learning_rate: float = 1e-3,
        d_gamma: float = 1.0,
        d_reference_size: int = 16,
        d_comparison_size: int = 16,
        d_embedding_size: int = TextCNNConfig.embedding_size,
        d_widths: Sequence[int] = TextCNNConfig.widths,
        d_counts: Sequence[int] = TextCNNConfig.counts,
        d_dropout: float = TextCNNConfig.dropout,
        discriminator_seed: int = 0,
        device: str = "cpu",
    ) -> None:
        if output not in ("log_rank", "rank"):
            raise ValueError(f"output={output!r} must be 'log_rank' or 'rank'")
        self.output = output
        self.d_gamma = checked_number("d_gamma", d_gamma)
        if not self.d_gamma > 0:
            raise ValueError(f"d_gamma={d_gamma!r} must be greater than 0: at 0 all texts rank the same")
        self.d_reference_size = check_at_least("d_reference_size", d_reference_size)
        self.d_comparison_size = check_at_least("d_comparison_size", d_comparison_size)
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

    def _new_learner(self, vocab_size: int, max_length: int, real: IntArray, generator: torch.Generator) -> Ranker:
        network = TextEncoder(vocab_size, max_length, self.config, generator)
        return Ranker(
            network,
            real,
            generator,
            self.d_batch_size,
            self.d_learning_rate,
            self.d_gamma,
            self.d_reference_size,
            self.d_comparison_size,
            self.device,
        )

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """What the texts (N, T), (N,) are paid, without dropout: (N,), in the unit that `output` says."""
        log_ranks = self.learner.log_ranks(self._checked(tokens, lengths))
        return log_ranks if self.output == "log_rank" else np.exp(log_ranks)
