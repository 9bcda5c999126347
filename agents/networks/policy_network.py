"""Policy network: a decoder that writes the text, started by an encoder of the source if there is one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.data.text_spec import TextSpec
from agents.networks.attention import Attending, Attention
from agents.networks.config import AttentionName, NetworkCell
from agents.networks.encoders import SourceEncoder, TransformerEncoder
from agents.networks.transformer import Transformer
from textgen_env.models.language_model import LanguageModel
from textgen_env.models.linear_distribution import Layer
from textgen_env.models.linear_softmax import draw_tokens, logits_in_turn, rows_at_once
from textgen_env.models.sampling import all_finite, inverse_softmax
from textgen_env.models.threads import in_parts
from textgen_env.models.token_model import State, TokenModel

# Small output weights: learning starts from a nearly uniform policy, which tries every token.
OUTPUT_STD = 0.01


class AttendingLanguageModel(Attending, LanguageModel):
    """LSTM or GRU with attention."""

    def advance_soft(self, weights: Tensor, state: State) -> State:
        """The state after inputs that are mixtures, weights (B, V + 1) of the ids."""
        own, memory = self._parts(state)
        return self._joined(super().advance_soft(weights, own), memory)


class AttendingTransformer(Attending, Transformer):
    """Transformer with attention."""


class PolicyNetwork(nn.Module):
    """Policy pi(x_t | x_<t, source) = softmax(W h_t + b)[x_t], where h_t is what the decoder has kept of x_<t and the
    source.

    LSTM and GRU: h_t = RNN(x_{t-1}, h_{t-1}), h_0 = 0 or the encoder's last state. Transformer: h_t sees all of x_<t,
    and before them the mean of the encoder's outputs. With attention, h_t is joined with what it looks at in the source
    (`agents.networks.attention.Attention`), for every decoder alike. The first input is the blank V, which has an
    embedding of its own.

    Args:
        spec: the texts' shape.
        embedding_size, hidden_size: E, H.
        cell: "lstm", "gru" or "transformer".
        value_head: with one, `values` estimates the return to come.
        generator: draws the initial parameters.
        attention: how tokens of the source are scored: "dot", "general" or "additive"; "none" for no attention.
        layers, heads: of a Transformer.

    Raises:
        ValueError: attention to the source of texts that have none.
    """

    def __init__(
        self,
        spec: TextSpec,
        embedding_size: int,
        hidden_size: int,
        cell: NetworkCell,
        generator: torch.Generator,
        value_head: bool = False,
        attention: AttentionName = "none",
        layers: int = 2,
        heads: int = 4,
    ) -> None:
        super().__init__()
        if attention != "none" and not spec.conditional:
            raise ValueError(
                f"attention={attention!r} looks at a source, but these texts have none; give attention='none', or a "
                "conditional task such as TextGen-NumberWords-v0"
            )
        self.blank_id = vocab_size = spec.vocab_size
        self.decoder: TokenModel
        self.encoder: SourceEncoder | TransformerEncoder | None = None
        sizes = embedding_size, hidden_size
        if cell == "transformer":
            # The source's summary, the start and every token; the last is read where a whole text is observed.
            capacity = spec.conditional + 1 + spec.max_length
            transformer = Transformer if attention == "none" else AttendingTransformer
            self.decoder = transformer(vocab_size, *sizes, layers, heads, capacity)
            if spec.conditional:
                self.encoder = TransformerEncoder(spec.source_vocab_size, *sizes, layers, heads, spec.source_length)
        else:
            recurrent = LanguageModel if attention == "none" else AttendingLanguageModel
            self.decoder = recurrent(vocab_size, *sizes, cell, start_id=vocab_size)
            if spec.conditional:
                self.encoder = SourceEncoder(spec.source_vocab_size, *sizes, cell)
        if attention != "none":
            assert isinstance(self.decoder, Attending)
            self.decoder.attention = Attention(attention, hidden_size)
        with torch.device("meta"):
            self.value = nn.Linear(hidden_size, 1) if value_head else None
        if self.value is not None:
            self.value.to_empty(device="cpu")
        self._initialise(generator)

    @property
    def attends(self) -> bool:
        """Whether there is attention."""
        return isinstance(self.decoder, Attending)

    def begin(self, count: int, sources: Tensor | None) -> State:
        """The state of `count` rows before the first token; of the sources (count, S) for a conditional task.

        Raises:
            ValueError: attention without sources.
        """
        if self.encoder is None or sources is None:
            if isinstance(self.decoder, Attending):
                raise ValueError("sources=None: attention looks at a source; give the source tokens (N, S)")
            return self.decoder.initial_state(count)
        if not isinstance(self.decoder, Attending):
            return self.decoder.begin(self.encoder(sources))
        source = self.encoder.read(sources)
        return self.decoder.look_at(self.decoder.begin(source.handed_over), source.outputs, source.present)

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
    def draw(
        self, inputs: Tensor, state: State, uniforms: Tensor, allowed: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The token (N,) after `inputs` (N,) at which the policy's distribution function passes `uniforms` (N,) float64
        in [0, 1), and the state after `inputs`; where given, of the tokens `allowed` (N, V) alone. Of as many rows at a
        time as have their logits in the cache, shared out among the threads where there are more."""

        def draw(part: range) -> tuple[Tensor, State]:
            rows = slice(part.start, part.stop)
            after = self.decoder.advance(inputs[rows], tuple(each[rows] for each in state))
            return self.choose(after[0], uniforms[rows], None if allowed is None else allowed[rows]), after

        first, *others = in_parts(len(inputs), rows_at_once(self.decoder.output.weight), inputs.device, draw)
        if not others:
            return first
        drawn, states = zip(first, *others, strict=True)
        return torch.cat(drawn), tuple(map(torch.cat, zip(*states, strict=True)))

    @torch.inference_mode()
    def choose(self, hidden: Tensor, uniforms: Tensor | None, allowed: Tensor | None = None) -> Tensor:
        """The token (N,) that follows what the output layer reads (N, H), drawn as in `draw`; the likeliest where no
        `uniforms` are given.

        Raises:
            FloatingPointError: logits that are not finite, be they of tokens that are not allowed.
        """
        layer, memory = self.layer(hidden), self.decoder.logits_memory
        if uniforms is not None and allowed is None:
            return draw_tokens(*layer, uniforms, memory)
        chosen = torch.empty(len(hidden), dtype=torch.int64, device=hidden.device)
        room = memory.take(layer.weight)
        for rows, logits in logits_in_turn(*layer, room, range(len(hidden))):
            if not all_finite(logits):
                raise FloatingPointError("logits are not finite")
            if allowed is not None:
                logits.masked_fill_(~allowed[rows], -torch.inf)
            chosen[rows] = logits.argmax(1) if uniforms is None else inverse_softmax(logits, uniforms[rows])
        memory.give(room)
        return chosen

    def hidden(self, tokens: Tensor, sources: Tensor | None) -> Tensor:
        """Hidden states (N, T, H) that the output layer and the value head read, of which number t has read x_<t; for
        texts (N, T) with blanks after their end."""
        return self.decoder.hidden(self._before(tokens), self.begin(len(tokens), sources))[0]

    def attention_weights(self, tokens: Tensor, sources: Tensor) -> Tensor:
        """Weights (N, T, S) with which each source token is looked at where x_t is chosen; each row sums to 1.

        Raises:
            ValueError: no attention.
        """
        if not isinstance(self.decoder, Attending):
            raise ValueError("attention='none': this network looks at no source token; give it attention")
        return self.decoder.weights(self._before(tokens), self.begin(len(tokens), sources))

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of the token that follows hidden states (..., H)."""
        logits: Tensor = self.decoder.output(hidden)
        return logits

    def layer(self, hidden: Tensor) -> Layer:
        """Hidden states (..., H) with the output layer that reads them, for losses that never hold all logits."""
        output = self.decoder.output
        return Layer(hidden, output.weight, output.bias)

    def layer_over(self, tokens: Tensor, sources: Tensor | None) -> Layer:
        """The `layer` over the `hidden` states (N, T, H) of texts (N, T), of which number t has read x_<t."""
        return self.layer(self.hidden(tokens, sources))

    def advance_soft(self, weights: Tensor, state: State) -> State:
        """The state after inputs that are mixtures, weights (N, V + 1) of the ids.

        Raises:
            TypeError: a decoder that reads whole tokens only.
        """
        if not isinstance(self.decoder, LanguageModel):
            raise TypeError(f"cell: {type(self.decoder).__name__} reads whole tokens only; choose 'lstm' or 'gru'")
        return self.decoder.advance_soft(weights, state)

    def values(self, hidden: Tensor) -> Tensor:
        """Estimated returns to come (...) after hidden states (..., H). They are read off the policy's features without
        changing them: the value's error has no say in what the policy remembers."""
        if self.value is None:
            raise ValueError("this network has no value head; build it with value_head=True")
        values: Tensor = self.value(hidden.detach())
        return values.squeeze(-1)

    def _before(self, tokens: Tensor) -> Tensor:
        """The inputs (N, T) of texts (N, T): each token's predecessor."""
        return torch.cat([self.decoder.start(len(tokens)).unsqueeze(1), tokens[:, :-1]], 1)

    def _initialise(self, generator: torch.Generator) -> None:
        for part in (self.decoder, self.encoder):
            if isinstance(part, LanguageModel | SourceEncoder):
                nn.init.normal_(part.embedding.weight, generator=generator)
                _initialise_rnn(part.rnn, generator)
            elif part is not None:
                _initialise_layers(part, generator)
        nn.init.normal_(self.decoder.output.weight, std=OUTPUT_STD, generator=generator)
        nn.init.zeros_(self.decoder.output.bias)
        if isinstance(self.decoder, AttendingLanguageModel):
            _initialise_layers(self.decoder.attention, generator)
        if self.value is not None:
            nn.init.zeros_(self.value.weight)
            nn.init.zeros_(self.value.bias)


def _initialise_layers(module: nn.Module, generator: torch.Generator) -> None:
    """Linear layers uniform (Glorot and Bengio 2010) with biases 0, embeddings N(0, 1), layer norms the identity."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, generator=generator)
        elif isinstance(part, nn.LayerNorm):
            part.reset_parameters()


def _initialise_rnn(rnn: nn.RNNBase, generator: torch.Generator) -> None:
    """Each gate's input weights uniform (Glorot and Bengio 2010), its recurrent weights orthogonal (Saxe et al. 2014),
    biases 0, but 1 for the LSTM's forget gate (Jozefowicz et al. 2015)."""
    size = rnn.hidden_size
    for name, parameter in rnn.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            continue
        for gate in torch.split(parameter.detach(), size):
            (nn.init.orthogonal_ if "hh" in name else nn.init.xavier_uniform_)(gate, generator=generator)
    if isinstance(rnn, nn.LSTM):
        with torch.no_grad():
            rnn.get_parameter("bias_ih_l0")[size : 2 * size] = 1.0
