"""What the agents with a policy network share: everything but how they learn."""

from __future__ import annotations

from dataclasses import asdict
from os import PathLike, fspath
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from agents.base import BoolArray, Callback, Envs, FloatArray, IntArray, Observation, Progress, State
from agents.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from agents.losses import masked_logits, token_log_probs
from agents.networks import PolicyNetwork
from agents.returns import written
from agents.text_spec import TextSpec
from textgen_env import Texts
from textgen_env.models.language_model import State as NetworkState
from textgen_env.models.sampling import sample_categorical
from textgen_env.tasks.base import check_at_least

# Logits held at once where many texts are sampled or scored: 40 MB.
CHUNK_LOGITS = 10_000_000
COUNTERS = ("updates", "tokens_generated", "tokens_read")


class PolicyAgent:
    """A policy network with its optimiser (Adam; Kingma and Ba 2015) and random generators.

    A subclass names its `config_class`, whose fields include embedding_size, hidden_size, cell, learning_rate and
    max_grad_norm, and defines `train`.

    Args:
        envs: a vector environment of the texts to write; only their shape is taken from it.
        config: hyperparameters; the class's defaults if None.
        seed: of the initial parameters and of learning, and of `sample` and `predict`, which have a generator of
            their own: looking at an agent does not change how it learns.

    Attributes:
        spec: the texts' shape.
        config: the hyperparameters.
        network: the policy.
        updates, tokens_generated, tokens_read: in all of its training.

    Raises:
        TypeError, ValueError: envs that are no text environments, a config of another class, a seed below 0.
    """

    config_class: ClassVar[type[Any]]

    def __init__(self, envs: Envs, config: Any = None, seed: int = 0) -> None:
        self._build(TextSpec.from_envs(envs), self.config_class() if config is None else config, seed)

    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """The next token of each text; see `agents.base.Agent`.

        The state remembers what it has read. A row whose observation is that text and one more token costs one step of
        the network; any other row (no state yet, a new text, a state restored in the environment) is read from its
        start, so that every call is right whatever the state handed in.
        """
        return self._choose(observation, state, episode_start, deterministic, action_masks, self.sampling_generator)

    def explore(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """As `predict`, but drawn from the generator of learning: what `train` plays with."""
        return self._choose(observation, state, episode_start, deterministic, action_masks, self.generator)

    @torch.inference_mode()
    def sample(self, n: int, sources: ArrayLike | None = None) -> Texts:
        """`n` texts of the policy's own; see `agents.base.Agent`."""
        given = self.spec.checked_sources(sources, check_at_least("n", n))
        size = max(1, CHUNK_LOGITS // self.spec.vocab_size)
        parts = []
        for begun in range(0, n, size):
            count = min(size, n - begun)
            state = self.network.begin(count, _tensor(given, slice(begun, begun + count)))
            parts.append(
                self.network.decoder.sample(
                    count, self.spec.max_length, self.sampling_generator, self.spec.eos_id, state=state
                )
            )
        return Texts(*(torch.cat(arrays).numpy() for arrays in zip(*parts, strict=True)))

    @torch.inference_mode()
    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """log p (N,) of whole texts, in nats; see `agents.base.Agent`."""
        ids, counts = self.spec.checked_texts(tokens, lengths)
        given = self.spec.checked_sources(sources, len(ids))
        size = max(1, CHUNK_LOGITS // (self.spec.vocab_size * self.spec.max_length))
        log_probs = np.zeros(len(ids))
        for begun in range(0, len(ids), size):
            rows = slice(begun, begun + size)
            texts = torch.from_numpy(ids[rows])
            logits = self.network.logits(self.network.hidden(texts, _tensor(given, rows)))
            counted = torch.from_numpy(written(counts[rows], ids.shape[1]))
            log_probs[rows] = token_log_probs(logits, texts, counted).double().sum(1).numpy()
        return log_probs

    def save(self, path: str | PathLike[str]) -> None:
        """Writes parameters, the optimiser's moments and the random generators: an agent that is loaded goes on
        learning bit for bit as this one does (on the CPU)."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in moments.items()}
        tensors["generator"] = self.generator.get_state()
        tensors["sampling_generator"] = self.sampling_generator.get_state()
        counters = {name: getattr(self, name) for name in COUNTERS}
        write_checkpoint(path, Checkpoint(type(self).__name__, self.spec, asdict(self.config), counters, tensors))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The agent that `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: no saved agent, truncated, or of another class or version.
        """
        saved = read_checkpoint(path, cls.__name__)
        agent = cls.__new__(cls)
        try:
            agent._build(saved.spec, cls.config_class(**saved.config), seed=0)
            agent._restore(saved)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"path={fspath(path)!r} holds a {cls.__name__} that does not fit together: {error}"
            ) from None
        return agent

    def _build(self, spec: TextSpec, config: Any, seed: int) -> None:
        if not isinstance(config, self.config_class):
            raise TypeError(f"config={config!r} must be a {self.config_class.__name__}")
        # Hashed, so that no generator repeats the numbers that a task drew its data with from the same small seed.
        seeds = np.random.SeedSequence(check_at_least("seed", seed, least=0)).generate_state(2, np.uint64).tolist()
        self.generator, self.sampling_generator = (torch.Generator().manual_seed(each) for each in seeds)
        self.spec = spec
        self.config = config
        self.network = PolicyNetwork(
            spec, config.embedding_size, config.hidden_size, config.cell, self.generator, self._has_value_head()
        )
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=config.learning_rate, fused=True)
        self.updates = self.tokens_generated = self.tokens_read = 0

    def _has_value_head(self) -> bool:
        return False

    def _restore(self, saved: Checkpoint) -> None:
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "optimiser": {}}
        for key, tensor in saved.tensors.items():
            part, _, name = key.partition(".")
            if name:
                parts[part][name] = tensor
        self.network.load_state_dict(parts["network"])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts["optimiser"].items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.generator.set_state(saved.tensors["generator"])
        self.sampling_generator.set_state(saved.tensors["sampling_generator"])
        for name in COUNTERS:
            setattr(self, name, saved.counters[name])

    def _descend(self, loss: Tensor, terms: dict[str, Tensor]) -> dict[str, float]:
        """One step of the optimiser down `loss`; its terms as numbers.

        Raises:
            FloatingPointError: a term or the gradient that is not finite; no parameter is changed then.
        """
        values = {name: float(term.detach()) for name, term in terms.items()}
        self.optimiser.zero_grad()
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.parameters, self.config.max_grad_norm))
        for name, value in {**values, "gradient norm": norm}.items():
            if not np.isfinite(value):
                raise FloatingPointError(
                    f"{type(self).__name__}: {name} is {value} in update {self.updates + 1}; lower "
                    f"learning_rate={self.config.learning_rate}, or look at the rewards"
                )
        self.optimiser.step()
        self.updates += 1
        return values

    def _goes_on(self, callback: Callback | None, mean_return: float, losses: dict[str, float]) -> bool:
        progress = Progress(self.tokens_generated, self.tokens_read, mean_return, losses)
        return callback is None or callback(progress) is not False

    @torch.inference_mode()
    def _choose(
        self,
        observation: Observation,
        state: State,
        episode_start: BoolArray | None,
        deterministic: bool,
        action_masks: BoolArray | None,
        generator: torch.Generator,
    ) -> tuple[IntArray, State]:
        tokens, sources, single = self.spec.checked_observation(observation)
        inputs, carried, seen = self._carried(tokens, sources, state, episode_start)
        logits, after = self.network.step(inputs, carried)
        if not torch.isfinite(logits).all():
            raise FloatingPointError(
                f"{type(self).__name__}: the policy's logits are not finite after {self.updates} updates; lower "
                f"learning_rate={self.config.learning_rate} and train anew, or from an earlier save"
            )
        if action_masks is not None:
            logits = masked_logits(logits, torch.tensor(action_masks, dtype=torch.bool).reshape(logits.shape))
        chosen = (logits.argmax(-1) if deterministic else sample_categorical(logits, generator)).numpy()
        return chosen[0] if single else chosen, (*(part.numpy() for part in after), seen)

    def _carried(
        self, tokens: IntArray, sources: IntArray | None, state: State, episode_start: BoolArray | None
    ) -> tuple[Tensor, NetworkState, IntArray]:
        """The last token of each prefix (N,), the network's state before it, and what the state after it has read: the
        source and the tokens (N, S + T)."""
        rows = np.arange(len(tokens))
        seen = tokens.copy() if sources is None else np.concatenate([sources, tokens], 1)
        last = np.maximum((tokens != self.spec.vocab_size).sum(1) - 1, 0)
        inputs = torch.from_numpy(tokens[rows, last])
        if state is None:
            return inputs, self._before_last(tokens, sources), seen
        *parts, before = state
        if before.shape != seen.shape:
            raise ValueError(
                f"state is of observations {before.shape}, but these are {seen.shape}; begin with state=None"
            )
        at = self.spec.source_length + last
        grown = (before[rows, at] == self.spec.vocab_size) & (seen[rows, at] != self.spec.vocab_size)
        follows = grown & ((before == seen) | (np.arange(seen.shape[1]) == at[:, None])).all(1)
        if episode_start is not None:
            follows &= ~np.asarray(episode_start, np.bool_)
        carried = tuple(torch.from_numpy(part) for part in parts)
        if not follows.all():
            anew = np.flatnonzero(~follows)
            read = self._before_last(tokens[anew], None if sources is None else sources[anew])
            carried = tuple(
                part.index_copy(0, torch.from_numpy(anew), new) for part, new in zip(carried, read, strict=True)
            )
        return inputs, carried, seen

    def _before_last(self, tokens: IntArray, sources: IntArray | None) -> NetworkState:
        """The network's state after all but the last token of each prefix (N, T); before the first input if empty."""
        lengths = torch.from_numpy((tokens != self.spec.vocab_size).sum(1))
        state = self.network.begin(len(tokens), _tensor(sources, slice(None)))
        inputs = self.network.decoder.start(len(tokens))
        for t in range(int(lengths.max())):
            after = self.network.step(inputs, state)[1]
            reads = (lengths > t).unsqueeze(1)
            state = tuple(torch.where(reads, new, old) for new, old in zip(after, state, strict=True))
            inputs = torch.from_numpy(tokens[:, t])
        return state


def _tensor(array: IntArray | None, rows: slice) -> Tensor | None:
    return None if array is None else torch.from_numpy(array[rows])
