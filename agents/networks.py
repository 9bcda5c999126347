"""The policy network: a recurrent language model over the text, started by an encoder of the source if there is one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from agents.text_spec import TextSpec
from textgen_env.models.language_model import Cell, LanguageModel, State
from textgen_env.models.sampling import inverse_softmax

# Small output weights: learning starts from a nearly uniform policy, which tries every token.
OUTPUT_STD = 0.01


class PolicyNetwork(nn.Module):
    """pi(x_t | x_<t, source) = softmax(W h_t + b)[x_t], h_t = RNN(x_{t-1}, h_{t-1}), h_0 = 0 or Encoder(source).

    The first input is the blank V, which has an embedding of its own.

    Args:
        spec: the texts' shape.
        embedding_size, hidden_size: E, H.
        cell: "lstm" or "gru".
        value_head: with one, `values` estimates the return to come.
        generator: draws the initial parameters.
    """

    def __init__(
        self,
        spec: TextSpec,
        embedding_size: int,
        hidden_size: int,
        cell: Cell,
        generator: torch.Generator,
        value_head: bool = False,
    ) -> None:
        super().__init__()
        self.blank_id = spec.vocab_size
        self.decoder = LanguageModel(spec.vocab_size, embedding_size, hidden_size, cell, start_id=spec.vocab_size)
        self.encoder = (
            SourceEncoder(spec.source_vocab_size, embedding_size, hidden_size, cell) if spec.conditional else None
        )
        with torch.device("meta"):
            self.value = nn.Linear(hidden_size, 1) if value_head else None
        if self.value is not None:
            self.value.to_empty(device="cpu")
        self._initialise(generator)

    def begin(self, count: int, sources: Tensor | None) -> State:
        """The state (count, H) each before the first token; of the sources (count, S) for a conditional task."""
        return self.decoder.initial_state(count) if self.encoder is None or sources is None else self.encoder(sources)

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (N, V) of the token after `inputs` (N,), and the state after them."""
        return self.decoder.step(inputs, state)

    def start(self, count: int) -> Tensor:
        """The first inputs (count,)."""
        return self.decoder.start(count)

    def advance(self, inputs: Tensor, state: State) -> State:
        """The state after `inputs` (N,)."""
        return self.decoder.advance(inputs, state)

    @torch.inference_mode()
    def draw(self, inputs: Tensor, state: State, uniforms: Tensor) -> tuple[Tensor, State]:
        """The token (N,) after `inputs` (N,) at which the policy's distribution function passes `uniforms` (N,) float64
        in [0, 1), and the state after `inputs`. Of as many rows at a time as have their logits in the cache."""
        after = self.decoder.advance(inputs, state)
        output = self.decoder.output
        drawn = torch.empty_like(inputs)
        logits = self.decoder.logits_memory.take(output.weight)
        for begun in range(0, len(inputs), len(logits)):
            rows = slice(begun, begun + len(logits))
            some = logits[: len(inputs[rows])]
            torch.addmm(output.bias, after[0][rows], output.weight.t(), out=some)
            drawn[rows] = inverse_softmax(some, uniforms[rows])
        self.decoder.logits_memory.give(logits)
        return drawn, after

    def hidden(self, tokens: Tensor, sources: Tensor | None) -> Tensor:
        """Hidden states (N, T, H), of which number t has read x_<t; for texts (N, T) with blanks after their end."""
        begun = self.begin(len(tokens), sources)
        shifted = torch.cat([self.decoder.start(len(tokens)).unsqueeze(1), tokens[:, :-1]], 1)
        return self.decoder.hidden(shifted, begun)[0]

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of the token that follows hidden states (..., H)."""
        logits: Tensor = self.decoder.output(hidden)
        return logits

    def values(self, hidden: Tensor) -> Tensor:
        """Estimated returns to come (...) after hidden states (..., H). They are read off the policy's features without
        changing them: the value's error has no say in what the policy remembers."""
        if self.value is None:
            raise ValueError("this network has no value head; build it with value_head=True")
        values: Tensor = self.value(hidden.detach())
        return values.squeeze(-1)

    def _initialise(self, generator: torch.Generator) -> None:
        for part in (self.decoder, self.encoder):
            if part is not None:
                nn.init.normal_(part.embedding.weight, generator=generator)
                _initialise_rnn(part.rnn, generator)
        nn.init.normal_(self.decoder.output.weight, std=OUTPUT_STD, generator=generator)
        nn.init.zeros_(self.decoder.output.bias)
        if self.value is not None:
            nn.init.zeros_(self.value.weight)
            nn.init.zeros_(self.value.bias)


class SourceEncoder(nn.Module):
    """Reads a source (N, S), blanks after its end, into the state that the decoder starts from: its own last state.

    Attention over the source would return the outputs at every source position beside it.
    """

    def __init__(self, vocab_size: int, embedding_size: int, hidden_size: int, cell: Cell) -> None:
        super().__init__()
        self.blank_id, self.cell = vocab_size, cell
        with torch.device("meta"):
            rows, size = vocab_size + 1, embedding_size
            self.embedding = nn.Embedding(rows, size, _weight=torch.empty(rows, size))
            self.rnn = (nn.LSTM if cell == "lstm" else nn.GRU)(embedding_size, hidden_size, batch_first=True)
        self.to_empty(device="cpu")

    def forward(self, sources: Tensor) -> State:
        """The state after the last token of each source, (N, H) each; an empty source is read as one blank."""
        lengths = (sources != self.blank_id).sum(1).clamp(min=1)
        packed = pack_padded_sequence(self.embedding(sources), lengths, batch_first=True, enforce_sorted=False)
        after = self.rnn(packed)[1]
        return tuple(part.squeeze(0) for part in (after if self.cell == "lstm" else (after,)))


def _initialise_rnn(rnn: nn.RNNBase, generator: torch.Generator) -> None:
    """Each gate's input weights uniform (Glorot and Bengio 2010), its recurrent weights orthogonal (Saxe et al. 2014),
    biases 0, but 1 for the LSTM's forget gate (Jozefowicz et al. 2015)."""
    size = rnn.hidden_size
    for name, parameter in rnn.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            continue
        for gate in parameter.detach().split(size):
            (nn.init.orthogonal_ if "hh" in name else nn.init.xavier_uniform_)(gate, generator=generator)
    if isinstance(rnn, nn.LSTM):
        with torch.no_grad():
            rnn.bias_ih_l0[size : 2 * size] = 1.0
