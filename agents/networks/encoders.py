"""Encoders of the source, one for each kind of decoder; their outputs are what its attention looks at."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from agents.networks.transformer import Stack
from textgen_env.models.token_model import State


class Source(NamedTuple):
    """Encoding of a source.

    Attributes:
        outputs: (N, S, H), one for each token.
        present: (N, S) bool, the tokens that are no blanks; of an empty source the first blank.
        handed_over: what the decoder begins with, see `textgen_env.models.token_model.TokenModel.begin`.
    """

    outputs: Tensor
    present: Tensor
    handed_over: State


class SourceEncoder(nn.Module):
    """Encoder by an LSTM or GRU of sources (N, S), blanks after their end; hands over its own last state."""

    def __init__(self, vocab_size: int, embedding_size: int, hidden_size: int, cell: Literal["lstm", "gru"]) -> None:
        super().__init__()
        self.blank_id, self.cell = vocab_size, cell
        with torch.device("meta"):
            rows, size = vocab_size + 1, embedding_size
            self.embedding = nn.Embedding(rows, size, _weight=torch.empty(rows, size))
            self.rnn = (nn.LSTM if cell == "lstm" else nn.GRU)(embedding_size, hidden_size, batch_first=True)
        self.to_empty(device="cpu")

    def forward(self, sources: Tensor) -> State:
        """The state after the last token of each source, (N, H) each; an empty source is read as one blank."""
        return self.read(sources).handed_over

    def read(self, sources: Tensor) -> Source:
        """All of it."""
        present = present_tokens(sources, self.blank_id)
        packed = pack_padded_sequence(
            self.embedding(sources), present.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, after = self.rnn(packed)
        whole = pad_packed_sequence(outputs, batch_first=True, total_length=sources.shape[1])[0]
        parts = after if self.cell == "lstm" else (after,)
        return Source(whole, present, tuple(part.squeeze(0) for part in parts))


class TransformerEncoder(nn.Module):
    """Encoder by a Transformer of sources (N, S), blanks after their end; each token sees all others. Hands over the
    mean of its outputs."""

    def __init__(
        self, vocab_size: int, embedding_size: int, hidden_size: int, layers: int, heads: int, length: int
    ) -> None:
        super().__init__()
        self.blank_id = vocab_size
        with torch.device("meta"):
            rows, size = vocab_size + 1, embedding_size
            self.embedding = nn.Embedding(rows, size, _weight=torch.empty(rows, size))
            self.embedding_projection = nn.Linear(embedding_size, hidden_size)
            self.stack = Stack(hidden_size, layers, heads, length)
        self.to_empty(device="cpu")

    def forward(self, sources: Tensor) -> State:
        """The mean over the tokens of each source (N, H); an empty source is read as one blank."""
        return self.read(sources).handed_over

    def read(self, sources: Tensor) -> Source:
        """All of it."""
        present = present_tokens(sources, self.blank_id)
        outputs = self.stack(self.embedding_projection(self.embedding(sources)), present)
        counted = present.unsqueeze(2)
        return Source(outputs, present, ((outputs * counted).sum(1) / counted.sum(1),))


def present_tokens(sources: Tensor, blank_id: int) -> Tensor:
    """Which of the source tokens (N, S) are read, (N, S) bool: as many as are no blanks, and at least one."""
    lengths = (sources != blank_id).sum(1).clamp(min=1)
    return torch.arange(sources.shape[1], device=sources.device) < lengths.unsqueeze(1)
