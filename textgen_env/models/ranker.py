"""Ranker: a network that learns to rank texts by their relevance to real ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from textgen_env.models.learner import TextLearner
from textgen_env.models.text_cnn import TextEncoder
from textgen_env.models.torch_settings import usual_torch
from textgen_env.vocabulary import IntArray


class Ranker(TextLearner):
    """A `TextEncoder` that learns to rank real texts above written ones.

    The reference set U and the comparison set C that a text is scored with are real texts. They are part of the
    ranker's state, drawn anew after each round of updates; each update draws sets of its own.

    Args:
        network, real, generator, batch_size, learning_rate, device: as in `TextLearner`.
        gamma: what cosines are multiplied by.
        reference_size, comparison_size: |U|, |C|.
    """

    name = "ranker"

    def __init__(
        self,
        network: TextEncoder,
        real: IntArray,
        generator: torch.Generator,
        batch_size: int,
        learning_rate: float,
        gamma: float,
        reference_size: int,
        comparison_size: int,
        device: str,
    ) -> None:
        super().__init__(network, real, generator, batch_size, learning_rate, device)
        self.gamma = gamma
        self.sizes = [reference_size, comparison_size]
        half = batch_size // 2
        self.drawn = half + sum(self.sizes), half + comparison_size
        # Rows of `real`.
        self.references, self.comparisons = (torch.empty(size, dtype=torch.int64) for size in self.sizes)
        self._draw_sets()

    def _draw_sets(self) -> None:
        rows = torch.split(self._draw(sum(self.sizes), len(self.real)), self.sizes)
        self.references.copy_(rows[0])
        self.comparisons.copy_(rows[1])
        # What the references are, and how relevant the comparisons are to each; found when a text is scored.
        self._measure: tuple[Tensor, Tensor] | None = None

    def directions(self, features: Tensor, dropout_generator: torch.Generator | None = None) -> Tensor:
        """The texts with these features (B, F) as vectors y of length 1, (B, F); y of a text without any feature is 0,
        which is relevant to none."""
        return functional.normalize(self.network.highway_of(features, dropout_generator))

    @usual_torch()
    def log_ranks(self, tokens: IntArray) -> NDArray[np.float64]:
        """log R(s | U, C) of the texts (N, T): (N,) float64, nats."""
        if self._measure is None:
            with torch.inference_mode():
                sets = self.real[torch.cat([self.references, self.comparisons])].to(self.device)
                directions = self.directions(self.network.features_of(sets))
                references, comparisons = torch.split(directions, self.sizes)
                self._measure = references, crowd(comparisons, references, self.gamma)
        references, others = self._measure
        return self.scores(tokens, lambda found: log_rank(self.directions(found), references, others, self.gamma))

    def losses(self, real: Tensor, written: Tensor) -> tuple[Tensor, float]:
        """The loss in nats a text (Lin et al. 2017, equation 7), and how often a real text ranks above a written one.

        E over written s of log R(s | U, C+) less E over real s of log R(s | U, C-): real texts are to rank high among
        the written ones C-, and written texts low among the real ones C+. The order of ranks among C+ is counted, over
        all pairs.
        """
        features = self.network.features_of(torch.cat([real, written]).to(self.device))
        half, (references, comparisons) = self.batch_size // 2, self.sizes
        shown, u, among_real, made, among_written = torch.split(
            self.directions(features, self.generator), [half, references, comparisons, half, comparisons]
        )
        above, below = crowd(among_written, u, self.gamma), crowd(among_real, u, self.gamma)
        ranks_of_written = log_rank(made, u, below, self.gamma)
        loss = ranks_of_written.mean() - log_rank(shown, u, above, self.gamma).mean()
        with torch.no_grad():
            order = log_rank(shown, u, below, self.gamma).unsqueeze(1) > ranks_of_written
        return loss, order.double().mean().item()

    def _take_steps(self, written: Tensor, steps: int) -> dict[str, float]:
        taken = super()._take_steps(written, steps)
        self._draw_sets()
        return taken

    def _tensors(self) -> dict[str, Tensor]:
        """Tensors that learning changes in place, the sets too."""
        return {**super()._tensors(), "references": self.references, "comparisons": self.comparisons}

    def check_state(self, state: Mapping[str, Tensor]) -> None:
        """As `TextLearner.check_state`; the sets must be rows of the real texts."""
        super().check_state(state)
        for name in ("references", "comparisons"):
            rows = state[name]
            if int(rows.min()) < 0 or int(rows.max()) >= len(self.real):
                raise ValueError(
                    f"state: entry {name!r} names training texts {int(rows.min())} to {int(rows.max())}; there are "
                    f"0 to {len(self.real) - 1}: load it into a reward of the same task"
                )

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state_dict`; its entries are taken to be as they should."""
        super().load_state_dict(state)
        self._measure = None


def crowd(comparisons: Tensor, references: Tensor, gamma: float) -> Tensor:
    """log sum over s' in C of exp(gamma alpha(s' | u)) of each u: (|U|,).

    Args:
        comparisons, references: (|C|, F), (|U|, F) vectors of length 1.
    """
    return (gamma * (comparisons @ references.t())).logsumexp(0)


def log_rank(texts: Tensor, references: Tensor, others: Tensor, gamma: float) -> Tensor:
    """log R(s | U, C) of each text s, in nats: (B,).

    With alpha(s | u) = cos(y_s, y_u) and C' = C and s itself, P(s | u, C) = exp(gamma alpha(s | u)) / sum over s' in C'
    of exp(gamma alpha(s' | u)), and R is the mean of P over u in U (Lin, Li, He, Zhang, Sun: Adversarial Ranking for
    Language Generation, NeurIPS 2017, section 3).

    Args:
        texts, references: (B, F), (|U|, F) vectors y of length 1.
        others: (|U|,) the `crowd` of C.
    """
    # P is a sigmoid, whose logarithm loses nothing where P is near 0 or 1.
    log_p = functional.logsigmoid(gamma * (texts @ references.t()) - others)
    return log_p.logsumexp(1) - math.log(len(references))
