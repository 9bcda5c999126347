"""Attention over the source: weights of the source's tokens at every token that is written."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from textgen_env.models.token_model import State, TokenModel

Score = Literal["dot", "general", "additive"]
SCORES: tuple[Score, ...] = ("dot", "general", "additive")


class Attention(nn.Module):
    """Context c_t = sum_s a_ts s_s of the source's outputs s_s, joined to the decoder's state h_t.

    a_t = softmax of the score over the source's tokens, blanks left out:

    - "dot": h_t . s_s, and "general": h_t^T W_a s_s (Luong, Pham and Manning 2015, "Effective Approaches to
      Attention-based Neural Machine Translation", equation 8).
    - "additive": v^T tanh(W h_t + U s_s) (Bahdanau, Cho and Bengio 2015, "Neural Machine Translation by Jointly
      Learning to Align and Translate", section A.1.2, who have the state before, h_{t-1}).

    The output layer reads tanh(W_c [c_t; h_t]) (Luong et al., equation 5). What was looked at is not fed to the
    decoder's next step, so that a text is read at once.

    Args:
        score: one of `SCORES`.
        size: H.
    """

    def __init__(self, score: Score, size: int) -> None:
        super().__init__()
        self.score = score
        with torch.device("meta"):
            self.join = nn.Linear(2 * size, size, bias=False)
            if score != "dot":
                self.query = nn.Linear(size, size, bias=False)
            if score == "additive":
                self.key = nn.Linear(size, size, bias=False)
                self.score_vector = nn.Linear(size, 1, bias=False)
        self.to_empty(device="cpu")

    @property
    def memory_parts(self) -> int:
        """The number of tensors of `memory`."""
        return 3 if self.score == "additive" else 2

    def memory(self, outputs: Tensor, present: Tensor) -> State:
        """Tensors carried of a source: outputs (N, S, H), present (N, S), and what of the score is the source's own."""
        return (outputs, present, self.key(outputs)) if self.score == "additive" else (outputs, present)

    def weights(self, hidden: Tensor, memory: State) -> Tensor:
        """a (N, T, S) of decoder states (N, T, H)."""
        outputs, present = memory[:2]
        if self.score == "additive":
            scores = self.score_vector(torch.tanh(self.query(hidden).unsqueeze(2) + memory[2].unsqueeze(1))).squeeze(3)
        else:
            scores = (hidden if self.score == "dot" else self.query(hidden)) @ outputs.transpose(1, 2)
        weights: Tensor = scores.masked_fill(~present.unsqueeze(1), -torch.inf).softmax(-1)
        return weights

    def forward(self, hidden: Tensor, memory: State) -> Tensor:
        """tanh(W_c [c; h]) (N, T, H) of decoder states (N, T, H)."""
        context = self.weights(hidden, memory) @ memory[0]
        return torch.tanh(self.join(torch.cat([context, hidden], -1)))


class Attending(TokenModel):
    """Decoder with attention, when put before a decoder's class. The state is what the output layer reads (B, H),
    the decoder's own state, and `Attention.memory` of the source."""

    attention: Attention

    def look_at(self, state: State, outputs: Tensor, present: Tensor) -> State:
        """The state that begins as the decoder's own `state`, of a source's outputs (B, S, H) and `present` (B, S)."""
        return state[0], *state, *self.attention.memory(outputs, present)

    def hidden(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Hidden states (B, T, H) that the output layer reads after each of the inputs (B, T), and the state after the
        last."""
        own, memory = self._parts(state)
        hidden, after = super().hidden(inputs, own)
        joined = self.attention(hidden, memory)
        return joined, (joined[:, -1], *after, *memory)

    def advance(self, inputs: Tensor, state: State) -> State:
        """The state after the inputs (B,)."""
        own, memory = self._parts(state)
        return self._joined(super().advance(inputs, own), memory)

    def weights(self, inputs: Tensor, state: State) -> Tensor:
        """Where is looked (B, T, S) after each of the inputs (B, T)."""
        own, memory = self._parts(state)
        return self.attention.weights(super().hidden(inputs, own)[0], memory)

    def _joined(self, own: State, memory: State) -> State:
        return self.attention(own[0].unsqueeze(1), memory).squeeze(1), *own, *memory

    def _parts(self, state: State) -> tuple[State, State]:
        end = len(state) - self.attention.memory_parts
        return state[1:end], state[end:]
