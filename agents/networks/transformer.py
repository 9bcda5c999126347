"""Small causal Transformer over tokens, which keeps the keys and values of what it has read.

Vaswani et al., "Attention Is All You Need" (2017), with layer norms before each sublayer, GELU and learned positions
(Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"), and embeddings of a size of their own (Lan
et al. 2020, "ALBERT", section 3.1). There is no dropout.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgen_env.models.token_model import State, TokenModel


class Cache(NamedTuple):
    """Keys and values (N, C, H) of up to C inputs, and the slots (N, T) that those of T new inputs take among them."""

    keys: Tensor
    values: Tensor
    slots: Tensor


class Block(nn.Module):
    """Layer of a Transformer: x + W_o attention(LN(x)), then x + W_2 gelu(W_1 LN(x)), of size H, 4 H within."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.attention_output = nn.Linear(size, size)
        self.mlp_in, self.mlp_out = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def forward(self, x: Tensor, visible: Tensor, kept: Cache | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Features (N, T, H) of inputs (N, T, H), and the keys and values (N, C, H) that they were read with: the
        inputs' own, or put among those that were `kept`. Input t sees those that `visible` (N, T or 1, C) bool says.
        """
        queries, keys, values = self.qkv(self.attention_norm(x)).chunk(3, -1)
        if kept is not None:
            at = kept.slots.unsqueeze(2).expand_as(keys)
            keys, values = kept.keys.scatter(1, at, keys), kept.values.scatter(1, at, values)
        attended = F.scaled_dot_product_attention(
            self._heads(queries), self._heads(keys), self._heads(values), visible.unsqueeze(1)
        )
        x = x + self.attention_output(attended.transpose(1, 2).flatten(2))
        return x + self.mlp_out(F.gelu(self.mlp_in(self.mlp_norm(x)))), keys, values

    def _heads(self, features: Tensor) -> Tensor:
        return features.view(*features.shape[:2], self.heads, -1).transpose(1, 2)  # (N, heads, T, H / heads)


class Stack(nn.Module):
    """Positions, blocks and a last layer norm.

    Args:
        size: H, a multiple of `heads`.
        layers, heads: how many blocks, and heads of each.
        capacity: C, how many inputs have a position.
    """

    def __init__(self, size: int, layers: int, heads: int, capacity: int) -> None:
        super().__init__()
        self.positions = nn.Embedding(capacity, size, _weight=torch.empty(capacity, size))
        self.blocks = nn.ModuleList(Block(size, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Features (N, C, H) of inputs (N, C, H), each of which sees all that are `present` (N, C) bool."""
        x = x + self.positions.weight[: x.shape[1]]
        for block in self.blocks:
            x = block(x, present.unsqueeze(1))[0]
        features: Tensor = self.norm(x)
        return features

    def extend(self, x: Tensor, keys: Tensor, values: Tensor, read: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features (N, T, H) of inputs (N, T, H), each of which sees itself and all before it, after `read` (N,) inputs
        with `keys` and `values` (N, L, C, H); and those three after them.

        Raises:
            ValueError: more inputs than have a position.
        """
        slots = read.unsqueeze(1) + torch.arange(x.shape[1], device=x.device)  # (N, T)
        capacity = self.positions.num_embeddings
        if bool((slots >= capacity).any()):
            raise ValueError(
                f"a Transformer made for {capacity} inputs is given input {int(slots.max()) + 1}; begin anew, or make "
                "it for longer texts"
            )
        x = x + self.positions(slots)
        visible = torch.arange(capacity, device=x.device) <= slots.unsqueeze(2)  # (N, T, C)
        layers = []
        for block, kept_keys, kept_values in zip(self.blocks, keys.unbind(1), values.unbind(1), strict=True):
            x, *after = block(x, visible, Cache(kept_keys, kept_values, slots))
            layers.append(after)
        all_keys, all_values = (torch.stack(parts, 1) for parts in zip(*layers, strict=True))
        return self.norm(x), all_keys, all_values, slots[:, -1] + 1


class Transformer(TokenModel):
    """Embedding, `Stack` and a linear output. The state is what the output layer reads (B, H), keys and values
    (B, L, C, H), and how many inputs were read (B,) int64: a step costs one input, not those before it.

    Its parameters are uninitialised until they are drawn or loaded.

    Args:
        vocab_size: V; also the first input, which has an embedding of its own.
        embedding_size, hidden_size, layers, heads: E, H, L, and heads of each layer, which divide H.
        capacity: C, the most inputs of a text.
    """

    def __init__(
        self, vocab_size: int, embedding_size: int, hidden_size: int, layers: int, heads: int, capacity: int
    ) -> None:
        super().__init__()
        self.vocab_size, self.hidden_size, self.start_id = vocab_size, hidden_size, vocab_size
        with torch.device("meta"):
            rows = vocab_size + 1
            self.embedding = nn.Embedding(rows, embedding_size, _weight=torch.empty(rows, embedding_size))
            self.embedding_projection = nn.Linear(embedding_size, hidden_size)
            self.stack = Stack(hidden_size, layers, heads, capacity)
            self.output = nn.Linear(hidden_size, vocab_size)
        self.to_empty(device="cpu")

    def initialise(self, generator: torch.Generator, std: float = 0.1) -> Self:
        """As every model, but that layer norms begin as the identity."""
        super().initialise(generator, std)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.reset_parameters()
        return self

    def initial_state(self, batch_size: int) -> State:
        """Nothing read."""
        weight, stack = self.output.weight, self.stack
        shape = len(stack.blocks), stack.positions.num_embeddings, self.hidden_size
        # One row of zeros seen from all: a step writes what it keeps elsewhere.
        nothing = weight.new_zeros(1, *shape).expand(batch_size, *shape)
        read = torch.zeros(batch_size, dtype=torch.int64, device=weight.device)
        return weight.new_zeros(batch_size, self.hidden_size), nothing, nothing, read

    def begin(self, handed_over: State) -> State:
        """The state after one input, a summary (B, H) of the source, which stands before the first token."""
        (summary,) = handed_over
        return self._extend(summary.unsqueeze(1), self.initial_state(len(summary)))[1]

    def hidden(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Hidden states (B, T, H) that the output layer reads after each of the inputs (B, T), and the state after the
        last."""
        return self._extend(self._embedded(inputs), state)

    def advance(self, inputs: Tensor, state: State) -> State:
        """The state after the inputs (B,)."""
        # Not by `hidden`, which a class before this one may have made its own.
        return self._extend(self._embedded(inputs.unsqueeze(1)), state)[1]

    def _embedded(self, inputs: Tensor) -> Tensor:
        embedded: Tensor = self.embedding_projection(self.embedding(inputs))
        return embedded

    def _extend(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        features, *after = self.stack.extend(x, *state[1:])
        return features, (features[:, -1], *after)
