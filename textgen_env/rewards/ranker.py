"""The ranker as a reward: a network that ranks the texts an agent writes among real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from textgen_env.checks import check_at_least, check_choice, check_number
from textgen_env.models.ranker import Ranker
from textgen_env.models.text_cnn import TextEncoder
from textgen_env.rewards.base import FloatArray
from textgen_env.rewards.learned import LearnedReward
from textgen_env.tasks.base import Sources
from textgen_env.vocabulary import IntArray


@dataclass(kw_only=True, eq=False)
class RankerReward(LearnedReward[Ranker]):
    """Rank of a text among real texts, by a ranker that learns as the agent writes: the reward of RankGAN.

    A text's rank score R(s | U, C) in (0, 1) says how relevant it is to a reference set U, among a comparison set C:
    see `models.ranker.log_rank`. Relevance is the cosine between what a `TextEncoder` makes of two texts. U and C are
    real texts (the task's training data), drawn anew after each round of updates; between two rounds a text's score
    depends on the text alone. A text that cannot be told from the real ones has a rank of about 1 / (|C| + 1).

    Every `update_every` finished episodes the ranker takes `steps` updates with Adam on those texts and real ones. It
    changes at the end of an episode only, after the texts that ended were paid, and depends on nothing but the
    arguments and the sequence of finished texts: bit for bit on a CPU with a fixed number of threads.
    For a task without sources. Source: Lin, Li, He, Zhang, Sun: Adversarial Ranking for Language Generation, NeurIPS
    2017, section 3; sizes as of the discriminator that it takes the place of.

    Args:
        output: what is paid: "log_rank", log R in nats, as in the paper's objective; or "rank", R.
        gamma: the inverse temperature that relevances are multiplied by.
        reference_size, comparison_size: |U|, |C|.
        auto_update: False leaves learning to calls of `update`.
        update_every: finished episodes between two rounds of updates.
        steps: updates in a round.
        batch_size: texts ranked in an update, half of them written, half real; the sets U and C come on top.
        learning_rate: of Adam.
        embedding_size, widths, counts, dropout: the network's sizes, see `TextCNNConfig`.
        seed: of the initial weights, the batches, the sets and the dropout.
        device: where the network runs.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
    """

    name = "ranker"
    output: Literal["log_rank", "rank"] = "log_rank"
    gamma: float = 1.0
    reference_size: int = 16
    comparison_size: int = 16

    def __post_init__(self) -> None:
        check_choice("output", self.output, ("log_rank", "rank"))
        # At 0 all texts rank the same.
        check_number("gamma", self.gamma, above=0)
        self.reference_size = check_at_least("reference_size", self.reference_size)
        self.comparison_size = check_at_least("comparison_size", self.comparison_size)
        super().__post_init__()

    def _new_learner(self, vocab_size: int, max_length: int, real: IntArray, generator: torch.Generator) -> Ranker:
        network = TextEncoder(vocab_size, max_length, self.config, generator)
        return Ranker(
            network,
            real,
            generator,
            self.batch_size,
            self.learning_rate,
            self.gamma,
            self.reference_size,
            self.comparison_size,
            self.device,
        )

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """Scores (N,) of the texts (N, T), (N,), without dropout, in the unit that `output` says."""
        log_ranks = self.learner.log_ranks(self._checked(tokens, lengths))
        return log_ranks if self.output == "log_rank" else np.exp(log_ranks)
