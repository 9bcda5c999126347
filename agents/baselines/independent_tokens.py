"""Base of agents that draw tokens independently."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from agents.bases.checkpoint import Checkpoint
from agents.bases.trainable import TrainableAgent
from agents.data.text_spec import TextSpec
from agents.functional.exploration import checked_masks
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from textgen_env import Texts
from textgen_env.checks import check_at_least


class IndependentTokens(TrainableAgent):
    """Base of agents that draw tokens independently: pi(x_t | x_<t) = w[x_t] / sum_k w[k]. The weights are whole
    numbers, so that tokens are drawn exactly that often.

    A subclass names its `config_class`, without fields, and defines `train`. Where none of the tokens that are allowed
    has a weight, each of them is equally likely.

    Attributes:
        weights: (V,) int64 w, all 1 at first.
    """

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

    def token_probabilities(self, action_masks: BoolArray) -> FloatArray:
        """Probabilities (K, V) with which `predict` writes each token where `action_masks` (K, V) bool allow some.

        Raises:
            ValueError: a row of `action_masks` that allows nothing.
        """
        weights = self._allowed_weights(action_masks)
        return np.asarray(weights / weights.sum(1, keepdims=True), np.float64)

    def _choose(
        self,
        observation: Observation,
        state: State,
        episode_start: BoolArray | None,
        deterministic: bool,
        action_masks: BoolArray | None,
        exploring: bool,
    ) -> tuple[IntArray, State]:
        tokens, _, single = self.spec.checked_observation(observation)
        count = len(tokens)
        if action_masks is None:
            chosen = np.full(count, self.weights.argmax()) if deterministic else self._draw((count,))
        else:
            weights = self._allowed_weights(np.asarray(action_masks, np.bool_).reshape(count, -1))
            chosen = weights.argmax(1) if deterministic else self._draw_each(weights)
        return chosen[0] if single else chosen, None

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        super()._build(spec, config, seed, device)
        self.weights: IntArray = np.ones(spec.vocab_size, np.int64)
        self._seed_draws(seed)

    def _seed_draws(self, seed: int) -> None:
        """Whole numbers are drawn by NumPy's generator, exactly."""
        self.seed = seed
        # Spawned, so that it does not repeat the numbers that a task or an environment draws with the same seed.
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed).spawn(1)[0]))

    def _checkpoint(self) -> Checkpoint:
        generator = self.rng.bit_generator.state
        counters = {
            "seed": self.seed,
            "tokens_read": self.tokens_read,
            **generator["state"],
            **{name: generator[name] for name in ("has_uint32", "uinteger")},
        }
        return Checkpoint(type(self).__name__, self.spec, {}, counters, {"weights": torch.from_numpy(self.weights)})

    def _restore(self, saved: Checkpoint) -> None:
        counters = saved.counters
        self._seed_draws(counters["seed"])
        self.tokens_read = counters["tokens_read"]
        self.weights = _checked_weights(saved.tensors["weights"].numpy(), self.spec.vocab_size)
        self.rng.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {name: counters[name] for name in ("state", "inc")},
            **{name: counters[name] for name in ("has_uint32", "uinteger")},
        }

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
