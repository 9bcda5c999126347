"""Base of agents with action values: the policies that explore by them, and the probabilities of texts under them."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike

from agents.bases.episodic import play_and_learn
from agents.bases.trainable import TrainableAgent
from agents.data.episodes import play
from agents.data.text_batch import TextBatch
from agents.functional.exploration import greedy
from agents.functional.returns import written
from agents.protocol import BoolArray, Callback, Envs, FloatArray, IntArray, Observation, State
from textgen_env import Texts
from textgen_env.checks import check_at_least, check_room
from textgen_env.models.sampling import sample_categorical

# Values held at once where many texts are scored.
CHUNK_VALUES = 1_000_000


class ValueAgent(TrainableAgent):
    """Base of agents with action values Q(x_<t, .), which a subclass looks up or computes (`_next`, `_along`); it
    defines `learn`, too, and its config has `batch_size`.

    `predict`, `sample`, `log_prob` and `action_probabilities` all mean one policy: that of the present values where the
    schedule of exploration ends, `config.exploration_end`, from the first token on; with `deterministic=True`,
    `predict` is greedy. `explore`, which learning plays with, is the policy where the schedule stands.
    """

    @property
    def exploration(self) -> float:
        """Epsilon or the temperature that learning now plays with."""
        return float(self.config.exploration_after(self.tokens_generated))

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns until `total_tokens` more tokens have been written; see `play_and_learn`. Losses reported: those of
        `learn`."""
        play_and_learn(self, envs, total_tokens, callback)
        return self

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """The texts of the next batch, `quota[i]` of each row i, written by the policy that explores."""
        return play(self.explore, envs, quota, seed=seed, masked=True).to(self.device)

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """Learns from a batch; returns the losses, by name."""
        raise NotImplementedError(f"{type(self).__name__} must define learn(batch)")

    def sample(self, n: int, sources: ArrayLike | None = None) -> Texts:
        """`n` texts of the policy's own; see `agents.protocol.Agent`."""
        check_room(f"n={n}, max_length={self.spec.max_length}", check_at_least("n", n), self.spec.max_length)
        given = self.spec.checked_sources(sources, n)
        tokens = np.full((n, self.spec.max_length), self.spec.vocab_size, np.int64)
        going, state = np.arange(n), None
        for t in range(self.spec.max_length):
            prefixes = tokens[going]
            observation = prefixes if given is None else {"source": given[going], "tokens": prefixes}
            chosen, state = self.predict(observation, state)
            tokens[going, t] = chosen
            goes_on = chosen != self.spec.eos_id
            going = going[goes_on]
            state = None if state is None else tuple(part[goes_on] for part in state)
            if not len(going):
                break
        return Texts(tokens, (tokens != self.spec.vocab_size).sum(1))

    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """log p (N,) of whole texts, in nats, under the policy of `predict`; -inf for what it never writes. See
        `agents.protocol.Agent`."""
        ids, counts = self.spec.checked_texts(tokens, lengths)
        given = self.spec.checked_sources(sources, len(ids))
        log_probs = np.zeros(len(ids))
        for rows in self._chunks(len(ids)):
            chances = self._chances(self._along(ids[rows], None if given is None else given[rows]), None, False)
            # A blank, which has no chance of its own, is not counted.
            chosen = np.minimum(ids[rows], self.spec.vocab_size - 1)[..., None]
            logs = _logs(np.take_along_axis(chances, chosen, -1)[..., 0])
            log_probs[rows] = logs.sum(1, where=written(counts[rows], self.spec.max_length))
        return log_probs

    def action_probabilities(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None = None) -> FloatArray:
        """Probabilities (K, V) with which `predict` writes each token after the prefixes (K, T), blank at the end, of
        lengths (K,) below T; for a conditional task, given the source tokens (K, S).

        Raises:
            ValueError: prefixes of another shape.
        """
        return self.masked_probabilities(tokens, lengths, sources, None)

    def masked_probabilities(
        self, tokens: IntArray, lengths: IntArray, sources: IntArray | None, action_masks: BoolArray | None
    ) -> FloatArray:
        """As `action_probabilities`, of the tokens that `action_masks` (K, V) allow: the best of those is the best,
        which is not what is best of all, renormalised.

        Raises:
            ValueError: prefixes of another shape; a row of `action_masks` that allows nothing.
        """
        return self._chances(self._after(tokens, lengths, sources), action_masks, False)

    def values_after(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None = None) -> FloatArray:
        """Q (K, V) of the tokens after prefixes, as `action_probabilities` takes them.

        Raises:
            ValueError: prefixes of another shape.
        """
        return self._after(tokens, lengths, sources)

    def _next(
        self, observation: Observation, state: State, episode_start: BoolArray | None
    ) -> tuple[FloatArray, State, bool]:
        """Q (N, V) after what was observed, the state to hand to the next call, and whether it was one observation."""
        raise NotImplementedError(f"{type(self).__name__} must define _next(observation, state, episode_start)")

    def _along(self, tokens: IntArray, sources: IntArray | None) -> FloatArray:
        """Q (N, T, V), of which number t is after x_<t; anything past a text's end."""
        raise NotImplementedError(f"{type(self).__name__} must define _along(tokens, sources)")

    def _chances(self, known: FloatArray, allowed: BoolArray | None, exploring: bool) -> FloatArray:
        """The probability of each token (..., V)."""
        config = self.config
        return np.asarray(config.chances(known, self.exploration if exploring else config.exploration_end, allowed))

    def _choose(
        self,
        observation: Observation,
        state: State,
        episode_start: BoolArray | None,
        deterministic: bool,
        action_masks: BoolArray | None,
        exploring: bool,
    ) -> tuple[IntArray, State]:
        known, after, single = self._next(observation, state, episode_start)
        if not np.isfinite(known).all():
            raise FloatingPointError(
                f"{type(self).__name__}: its values are not finite after {self.updates} updates; make its steps "
                "smaller and train anew, or from an earlier save"
            )
        allowed = None if action_masks is None else np.asarray(action_masks, np.bool_).reshape(known.shape)
        if deterministic:
            chosen = greedy(known, allowed)
        else:
            logits = torch.from_numpy(_logs(self._chances(known, allowed, exploring)))
            chosen = sample_categorical(logits, self.generator if exploring else self.sampling_generator).numpy()
        return chosen[0] if single else chosen, after

    def _after(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None) -> FloatArray:
        given = self._checked_prefixes(tokens, lengths, sources)
        found = np.empty((len(tokens), self.spec.vocab_size))
        for rows in self._chunks(len(tokens)):
            along = self._along(tokens[rows], None if given is None else given[rows])
            found[rows] = along[np.arange(len(along)), lengths[rows]]
        return found

    def _checked_prefixes(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None) -> IntArray | None:
        """The sources, checked, of prefixes."""
        horizon = self.spec.max_length
        if tokens.shape != (len(lengths), horizon) or lengths.min(initial=0) < 0 or lengths.max(initial=0) >= horizon:
            raise ValueError(
                f"tokens has shape {tokens.shape} and lengths {lengths.shape}: expected prefixes (K, {horizon}) and "
                f"(K,) lengths from 0 to {horizon - 1}"
            )
        return self.spec.checked_sources(sources, len(tokens))

    def _chunks(self, count: int) -> list[slice]:
        size = max(1, CHUNK_VALUES // (self.spec.max_length * self.spec.vocab_size))
        return [slice(begun, begun + size) for begun in range(0, count, size)]


def _logs(chances: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(chances))
