"""Plain models, as one writes them with torch alone: the references of ours."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgen_env.models.language_model import LanguageModel
from textgen_env.models.text_cnn import TextCNN


class PlainLanguageModel(nn.Module):
    """Plain language model: embedding, LSTM, linear output.

    Args:
        vocab_size, embedding_size, hidden_size: V, E, H.
    """

    def __init__(self, vocab_size: int, embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.rnn = nn.LSTM(embedding_size, hidden_size, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    @classmethod
    def like(cls, model: LanguageModel) -> PlainLanguageModel:
        """With the weights of an LSTM of the suite."""
        plain = cls(model.vocab_size, model.embedding.embedding_dim, model.hidden_size)
        plain.load_state_dict(model.state_dict())
        return plain.requires_grad_(False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, T, V) of each position of texts (B, T) given those before."""
        inputs = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], 1)
        logits: Tensor = self.output(self.rnn(self.embedding(inputs))[0])
        return logits

    def log_probs(self, tokens: Tensor) -> Tensor:
        """log p(x_t | x_<t) in nats, (B, T)."""
        log_probs: Tensor = self(tokens).log_softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        return log_probs

    def step(self, inputs: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Logits (B, V) of what follows the inputs (B,), and the state (1, B, H) twice after them."""
        outputs, after = self.rnn(self.embedding(inputs).unsqueeze(1), state)
        return self.output(outputs.squeeze(1)), after

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """(count, length) tokens by `torch.multinomial`."""
        inputs = torch.zeros(count, dtype=torch.int64)
        state = (torch.zeros(1, count, self.rnn.hidden_size), torch.zeros(1, count, self.rnn.hidden_size))
        tokens = []
        for _ in range(length):
            logits, state = self.step(inputs, state)
            inputs = torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1)
            tokens.append(inputs)
        return torch.stack(tokens, 1)


class PlainTextCNN(nn.Module):
    """Plain discriminator: convolutions, maximum over time, highway, dropout, two logits, as TextGAN-PyTorch
    writes it.

    Args:
        vocab_size: V; one more embedding is for the blank.
        embedding_size: E.
        filters: (width, count) of each.
        dropout: in training.
    """

    def __init__(self, vocab_size: int, embedding_size: int, filters: list[tuple[int, int]], dropout: float) -> None:
        super().__init__()
        features = sum(count for _, count in filters)
        self.embedding = nn.Embedding(vocab_size + 1, embedding_size)
        self.convolutions = nn.ModuleList(nn.Conv1d(embedding_size, count, width) for width, count in filters)
        self.gate = nn.Linear(features, features)
        self.transform = nn.Linear(features, features)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(features, 2)

    @classmethod
    def like(cls, network: TextCNN, filters: list[tuple[int, int]]) -> PlainTextCNN:
        """With the weights of a network of the suite, whose one logit is the difference of these two."""
        embedding = network.embedding
        plain = cls(embedding.num_embeddings - 1, embedding.embedding_dim, filters, network.config.dropout)
        with torch.no_grad():
            weights = network.state_dict()
            for name, part in (("weight", plain.output.weight), ("bias", plain.output.bias)):
                difference = weights.pop(f"output.{name}")
                part.copy_(torch.cat([torch.zeros_like(difference), difference]))
            plain.load_state_dict({**plain.state_dict(), **weights})
        return plain

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, 2) of texts (B, T): written, real."""
        embedded = self.embedding(tokens).transpose(1, 2)  # (B, E, T)
        maps = [F.relu(convolution(embedded)) for convolution in self.convolutions]
        pooled = torch.cat([F.max_pool1d(each, each.shape[2]).squeeze(2) for each in maps], 1)
        gate = self.gate(pooled).sigmoid()
        features = gate * F.relu(self.transform(pooled)) + (1 - gate) * pooled
        logits: Tensor = self.output(self.dropout(features))
        return logits
