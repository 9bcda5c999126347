"""What the agents share whose tokens do not depend on one another: everything but where their weights come from."""

from __future__ import annotations

from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike

from agents.bases.checkpoint import Checkpoint, fitting_together, read_checkpoint, write_checkpoint
from agents.data.text_spec import TextSpec, checked_masks
from agents.protocol import BoolArray, Envs, FloatArray, IntArray, Observation, State
from textgen_env import Texts
from textgen_env.checks import check_at_least
from textgen_env.models.device import checked_device


class IndependentTokens:
    """pi(x_t | x_<t) = w[x_t] / sum_k w[k]. The weights are whole numbers, so that tokens are drawn exactly that often.

    A subclass names its `config_class`, without fields, and defines `train`.

    Args:
        envs: a vector environment of the texts to write; only their shape is taken from it.
        config: without fields.
        seed: of the tokens drawn.
        device: checked, and otherwise without effect: there is nothing to compute on it.

    Attributes:
        spec: the texts' shape.
        weights: (V,) int64 w, all 1 at first.
        tokens_read: in all of its training.

    Raises:
        TypeError, ValueError: envs that are no text environments, a config of another class, a seed below 0, a device
            that is not there.
    """

    config_class: ClassVar[type[Any]]

    def __init__(self, envs: Envs, config: Any = None, seed: int = 0, device: str = "cpu") -> None:
        if config is not None and not isinstance(config, self.config_class):
            raise TypeError(f"config={config!r} must be a {self.config_class.__name__}")
        self._build(TextSpec.from_envs(envs), check_at_least("seed", seed, least=0), device)

    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """A token of each text; if `deterministic`, the likeliest, the first of them if there are several. Where none
        of the allowed tokens has a weight, each of them is equally likely.

        Raises:
            ValueError: a row of `action_masks` that allows nothing.
        """
        tokens, _, single = self.spec.checked_observation(observation)
        count = len(tokens)
        if action_masks is None:
            chosen = np.full(count, self.weights.argmax()) if deterministic else self._draw((count,))
        else:
            weights = self._allowed_weights(np.asarray(action_masks, np.bool_).reshape(count, -1))
            chosen = weights.argmax(1) if deterministic else self._draw_each(weights)
        return chosen[0] if single else chosen, None

    def sample(self, n: int, sources: ArrayLike | None = None) -> Texts:
        """`n` texts, each up to the end token or the horizon."""
        self.spec.checked_sources(sources, check_at_least("n", n))
        return Texts(*self.spec.checked_texts(self._draw((n, self.spec.max_length)), None))

    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """sum_t log p(x_t) (N,), in nats; -inf for a text with a token that has no weight."""
        ids, _ = self.spec.checked_texts(tokens, lengths)
        self.spec.checked_sources(sources, len(ids))
        with np.errstate(divide="ignore"):
            log_chances = np.log(self.weights) - np.log(self.weights.sum())
        # A blank costs nothing.
        return np.asarray(np.append(log_chances, 0.0)[ids].sum(1))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the texts' shape, the weights and the random generator."""
        generator = self.rng.bit_generator.state
        counters = {
            "seed": self.seed,
            "tokens_read": self.tokens_read,
            **generator["state"],
            **{name: generator[name] for name in ("has_uint32", "uinteger")},
        }
        weights = {"weights": torch.from_numpy(self.weights)}
        write_checkpoint(path, Checkpoint(type(self).__name__, self.spec, {}, counters, weights))

    @classmethod
    def load(cls, path: str | PathLike[str], device: str = "cpu") -> Self:
        """The agent that `save` wrote; it goes on drawing where that one stood.

        Raises:
            FileNotFoundError: no such file.
            ValueError: no saved agent, truncated, or of another class or version.
        """
        saved = read_checkpoint(path, cls.__name__)
        agent = cls.__new__(cls)
        counters = saved.counters
        with fitting_together(path, cls.__name__):
            agent._build(saved.spec, counters["seed"], device)
            agent.tokens_read = counters["tokens_read"]
            agent.weights = _checked_weights(saved.tensors["weights"].numpy(), saved.spec.vocab_size)
            agent.rng.bit_generator.state = {
                "bit_generator": "PCG64",
                "state": {name: counters[name] for name in ("state", "inc")},
                **{name: counters[name] for name in ("has_uint32", "uinteger")},
            }
        return agent

    def _build(self, spec: TextSpec, seed: int, device: str) -> None:
        checked_device("device", device)
        self.spec, self.config, self.seed = spec, self.config_class(), seed
        self.weights: IntArray = np.ones(spec.vocab_size, np.int64)
        self.tokens_read = 0
        # Spawned, so that it does not repeat the numbers that a task or an environment draws with the same seed.
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed).spawn(1)[0]))

    def _draw(self, shape: tuple[int, ...]) -> IntArray:
        ends = self.weights.cumsum()
        return ends.searchsorted(self.rng.integers(ends[-1], size=shape), side="right")

    def _draw_each(self, weights: IntArray) -> IntArray:
        """A token of each row by the row's weights (N, V)."""
        ends = weights.cumsum(1)
        tokens: IntArray = (ends > self.rng.integers(ends[:, -1])[:, None]).argmax(1)
        return tokens

    def _allowed_weights(self, allowed: BoolArray) -> IntArray:
        """(N, V): 0 for what is not `allowed` (N, V)."""
        weights = self.weights * checked_masks(allowed)
        return np.where(weights.any(1, keepdims=True), weights, allowed)


def _checked_weights(weights: IntArray, vocab_size: int) -> IntArray:
    if weights.shape != (vocab_size,) or weights.dtype != np.int64 or (weights < 0).any() or not weights.any():
        raise ValueError(f"weights must be {vocab_size} whole numbers >= 0, not all 0")
    return weights
