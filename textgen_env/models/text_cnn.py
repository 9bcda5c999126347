"""Convolutional networks that read whole texts: SeqGAN's discriminator, and the encoder below its output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from textgen_env.checks import is_number
from textgen_env.models.convolution import features_of, pooled_convolution


@dataclass(frozen=True)
class TextCNNConfig:
    """Size of a `TextCNN`. The defaults suit short texts on a laptop; each comment holds the value of SeqGAN
    (Yu, Zhang, Wang, Yu: SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient, AAAI 2017), which
    `TextCNNConfig.seqgan()` returns.

    Raises:
        TypeError: a size that is not a whole number, a dropout that is not a number.
        ValueError: a size < 1, no widths, another number of counts than of widths, a dropout outside [0, 1).
    """

    embedding_size: int = 32  # 64
    widths: Sequence[int] = (1, 2, 3, 4)  # 1 to 10, 15, 20: tokens that a filter spans
    counts: Sequence[int] = (32, 32, 32, 32)  # 100, 4 x 200, 5 x 100, 160, 160: filters of each width
    dropout: float = 0.25  # 0.25: share of the features left out in training

    def __post_init__(self) -> None:
        _check_sizes("embedding_size", self.embedding_size, [self.embedding_size])
        _check_sizes("widths", self.widths, self.widths)
        _check_sizes("counts", self.counts, self.counts)
        if not self.widths or len(self.widths) != len(self.counts):
            raise ValueError(
                f"widths={self.widths!r} and counts={self.counts!r} must be equally long and not empty: "
                "one number of filters for each width"
            )
        if not is_number(self.dropout):
            raise TypeError(f"dropout={self.dropout!r} must be a number, got {type(self.dropout).__name__}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout!r} must be at least 0 and less than 1")

    @classmethod
    def seqgan(cls) -> TextCNNConfig:
        """The discriminator of the SeqGAN paper for texts of 20 tokens: 1720 filters."""
        widths = (*range(1, 11), 15, 20)
        return cls(64, widths, (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160), 0.25)

    def filters(self, max_length: int) -> list[tuple[int, int]]:
        """(width, count) of the filters that fit a text of `max_length` tokens; wider ones are left out.

        Raises:
            ValueError: none fits.
        """
        fitting = [(w, n) for w, n in zip(self.widths, self.counts, strict=True) if w <= max_length]
        if not fitting:
            raise ValueError(
                f"widths={list(self.widths)!r}: every filter is wider than a text of {max_length} tokens; "
                f"add a width of at most {max_length}"
            )
        return fitting


MOST_SIZE = 2**14
"""Entries of an embedding, tokens of a filter, filters of a width."""


def _check_sizes(name: str, value: object, sizes: Sequence[int]) -> None:
    if not isinstance(sizes, list | tuple) or not all(type(size) is int for size in sizes):
        raise TypeError(f"{name}={value!r} must be {'a whole number' if name == 'embedding_size' else 'whole numbers'}")
    if min(sizes, default=1) < 1:
        raise ValueError(f"{name}={value!r}: every size must be at least 1")
    if max(sizes, default=1) > MOST_SIZE:
        raise ValueError(f"{name}={value!r}: every size must be at most {MOST_SIZE}")


class TextEncoder(nn.Module):
    """Convolution over tokens, maximum over time, one highway layer: a text as F numbers, none below 0.

    The architecture is that of Kim ("Convolutional Neural Networks for Sentence Classification", 2014) with the
    highway layer of Srivastava, Greff and Schmidhuber ("Highway Networks", 2015), as SeqGAN (section 3.3, eqs. 9-11)
    joins them: with c the pooled features, tau = sigmoid(W_g c + b_g) and C = tau * relu(W_t c + b_t) + (1 - tau) * c.
    The initial weights are those of SeqGAN's released code, except that the biases of the highway layer start at 0.

    Nothing here depends on `train()` or `eval()`, or draws from torch's global generator: dropout is applied exactly
    when a generator for it is handed over.

    Args:
        vocab_size: V; the network has V + 1 token embeddings, as the blank V is a token to it.
        max_length: T; filters wider than it are left out (`TextCNNConfig.filters`).
        config: the sizes.
        generator: on the CPU; draws the initial weights, which are thereby the same on every device.
    """

    def __init__(self, vocab_size: int, max_length: int, config: TextCNNConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        filters = config.filters(max_length)
        features = sum(count for _, count in filters)
        # On the meta device a module's own initialisation draws nothing.
        with torch.device("meta"):
            rows, size = vocab_size + 1, config.embedding_size
            # Given its weight it draws none, which on the meta device would load half of torch for it.
            self.embedding = nn.Embedding(rows, size, _weight=torch.empty(rows, size))
            self.convolutions = nn.ModuleList(nn.Conv1d(config.embedding_size, n, w) for w, n in filters)
            self.transform = nn.Linear(features, features)
            self.gate = nn.Linear(features, features)
        self.to_empty(device="cpu")
        self._initialise(generator)

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        nn.init.uniform_(self.embedding.weight, -1.0, 1.0, generator=generator)
        for convolution in self.convolutions:
            assert isinstance(convolution, nn.Conv1d)
            assert convolution.bias is not None
            nn.init.trunc_normal_(convolution.weight, std=0.1, a=-0.2, b=0.2, generator=generator)
            nn.init.constant_(convolution.bias, 0.1)
        for linear in (self.transform, self.gate):
            nn.init.xavier_uniform_(linear.weight, generator=generator)
            nn.init.zeros_(linear.bias)

    def features_of(self, tokens: Tensor) -> Tensor:
        """Features (B, F) float32 that the filters find in the texts (B, T) int64, 0 to V: c of the equation above."""
        return features_of(tokens, self.embedding.weight, *self.filters())

    def features_of_soft(self, one_hots: Tensor) -> Tensor:
        """`features_of` texts whose tokens are mixtures: weights (B, T, V + 1) of the ids, in which they are
        differentiable; of one-hot weights the features of those ids."""
        return pooled_convolution(one_hots @ self.embedding.weight, *self.filters())

    def filters(self) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and biases of each width."""
        convolutions = [cast(nn.Conv1d, convolution) for convolution in self.convolutions]
        return [convolution.weight for convolution in convolutions], [cast(Tensor, c.bias) for c in convolutions]

    def highway_of(self, features: Tensor, dropout_generator: torch.Generator | None = None) -> Tensor:
        """C of the equation above, (B, F), of texts with these features (B, F).

        Args:
            dropout_generator: draws the dropout of training; None evaluates without.
        """
        gate = self.gate(features).sigmoid_()
        features = features.lerp(self.transform(features).relu_(), gate)
        if dropout_generator is not None:
            drawn = torch.rand(features.shape, generator=dropout_generator, device=dropout_generator.device)
            kept = (drawn >= self.config.dropout).to(features)
            features = features * kept / (1 - self.config.dropout)
        return features


class TextCNN(TextEncoder):
    """A `TextEncoder` and one logit.

    SeqGAN ends in a softmax over (written, real): two columns. With one column the logit is the difference of those
    two, so that sigmoid(logit) is the same probability, and the output layer starts as their difference. Adam moves
    each weight by about the learning rate, so that the logit of two columns, which move apart, moves twice as fast.

    Args:
        vocab_size, max_length, config, generator: as in `TextEncoder`.
        columns: of the output layer, 1 or 2.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        config: TextCNNConfig,
        generator: torch.Generator,
        columns: Literal[1, 2] = 1,
    ) -> None:
        super().__init__(vocab_size, max_length, config, generator)
        with torch.device("meta"):
            self.output = nn.Linear(self.gate.out_features, columns)
        self.output.to_empty(device="cpu")
        spread = 0.1 * math.sqrt(2.0 / columns)
        nn.init.trunc_normal_(self.output.weight, std=spread, a=-2 * spread, b=2 * spread, generator=generator)
        nn.init.zeros_(self.output.bias)

    def forward(self, tokens: Tensor, dropout_generator: torch.Generator | None = None) -> Tensor:
        """log p(real) - log p(written) of each text, in nats.

        Args:
            tokens: (B, T) int64, 0 to V.
            dropout_generator: draws the dropout of training; None evaluates without.

        Returns:
            (B,) float32.
        """
        return self.logits_of(self.features_of(tokens), dropout_generator)

    def logits_of(self, features: Tensor, dropout_generator: torch.Generator | None = None) -> Tensor:
        """The logits (B,) of texts with these features (B, F); see `forward`."""
        logits: Tensor = self.output(self.highway_of(features, dropout_generator))  # (B, columns)
        return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
