"""Shape of the texts that an agent reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike

from agents.protocol import Envs, IntArray, Observation
from textgen_env import Task, Vocabulary
from textgen_env.text_checks import checked_texts


@dataclass(frozen=True)
class TextSpec:
    """Sizes of a task; plain numbers, so that they are saved with the agent.

    Attributes:
        vocab_size: V, the number of actions; also the id of the blank.
        max_length: T.
        eos_id: the end token, or None.
        source_vocab_size: VS of a conditional task's sources, also the id of their blank; or 0.
        source_length: S, or 0.
    """

    vocab_size: int
    max_length: int
    eos_id: int | None = None
    source_vocab_size: int = 0
    source_length: int = 0

    @property
    def conditional(self) -> bool:
        """Whether there is a source."""
        return self.source_length > 0

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens as bare numbers."""
        tokens = [str(i) for i in range(self.vocab_size)]
        return Vocabulary(tokens, eos=None if self.eos_id is None else tokens[self.eos_id])

    @classmethod
    def from_envs(cls, envs: Envs) -> TextSpec:
        """Read off the spaces of a vector environment, and the end token off its task.

        Raises:
            TypeError: not a vector environment, or one whose actions are not token ids.
            ValueError: it has no task.
        """
        if not isinstance(envs, VectorEnv):
            raise TypeError(
                f"envs={envs!r} must be a gymnasium VectorEnv; make it with gymnasium.make_vec(id, num_envs)"
            )
        space, actions = envs.single_observation_space, envs.single_action_space
        tokens = space.get("tokens") if isinstance(space, spaces.Dict) else space
        source = space.get("source") if isinstance(space, spaces.Dict) else None
        if not isinstance(actions, spaces.Discrete) or not isinstance(tokens, spaces.Box) or len(tokens.shape) != 1:
            raise TypeError(
                f"envs: needs Discrete token ids as actions, a Box (T,) of them or a Dict of 'source' and 'tokens' as "
                f"observations; got {actions} and {space}. Take off the wrappers that change the spaces"
            )
        task = getattr(envs.unwrapped, "task", None)
        if task is None:
            raise ValueError(
                f"envs: {envs} has no `task`; make it with gymnasium.make_vec(id, num_envs), as a TextGenVectorEnv"
            )
        return cls(
            vocab_size=int(actions.n),
            max_length=tokens.shape[0],
            eos_id=task.vocabulary.eos_id,
            source_vocab_size=int(source.high.max()) if isinstance(source, spaces.Box) else 0,
            source_length=source.shape[0] if isinstance(source, spaces.Box) else 0,
        )

    def check_envs(self, envs: Envs) -> None:
        """Refuses environments whose texts have another shape.

        Raises:
            ValueError: saying which differ.
        """
        found = TextSpec.from_envs(envs)
        if found != self:
            raise ValueError(f"envs: this agent was made for {self}, but these environments have {found}")

    def checked_texts(self, tokens: ArrayLike, lengths: ArrayLike | None) -> tuple[IntArray, IntArray]:
        """Whole texts as tokens (N, T), blank after the end, and lengths (N,); see
        `textgen_env.text_checks.checked_texts`."""
        # Of a task, only `vocabulary` and `max_length` are read.
        return checked_texts(tokens, lengths, cast(Task, self))

    def checked_observation(self, observation: Observation) -> tuple[IntArray, IntArray | None, bool]:
        """Tokens (N, T), source tokens (N, S) or None, and whether it was one observation, without the row axis.

        Raises:
            ValueError, TypeError: arrays of another shape or type, or ids out of range.
        """
        if isinstance(observation, dict) != self.conditional:
            expected = "a dict of 'source' and 'tokens'" if self.conditional else "an array of token ids"
            raise TypeError(f"observation must be {expected}, got {type(observation).__name__}")
        tokens = np.asarray(observation["tokens"] if isinstance(observation, dict) else observation)
        single = tokens.ndim == 1
        if tokens.ndim not in (1, 2) or tokens.shape[-1] != self.max_length or tokens.size == 0:
            raise ValueError(f"observation has shape {tokens.shape}, expected (N, {self.max_length}) token ids")
        if tokens.dtype.kind not in "iu":
            raise TypeError(f"observation has type {tokens.dtype}, expected whole numbers: token ids")
        if tokens.min() < 0 or tokens.max() > self.vocab_size:
            raise ValueError(f"observation: allowed are the ids 0 to {self.vocab_size}, the last for a blank")
        ids = np.atleast_2d(tokens).astype(np.int64)
        source = np.atleast_2d(observation["source"]) if isinstance(observation, dict) else None
        return ids, self.checked_sources(source, len(ids)), single

    def checked_sources(self, sources: ArrayLike | None, count: int) -> IntArray | None:
        """`sources` as (count, S) int64 ids of source tokens; None for an unconditional task.

        Raises:
            ValueError: missing, or not asked for, or of another shape, or ids out of range.
            TypeError: not whole numbers.
        """
        if not self.conditional:
            if sources is not None:
                raise ValueError("sources: this agent is unconditional; leave them out")
            return None
        if sources is None:
            raise ValueError(
                f"sources=None: a conditional agent needs the source tokens ({count}, {self.source_length})"
            )
        ids = np.asarray(sources)
        if ids.shape != (count, self.source_length):
            raise ValueError(f"sources has shape {ids.shape}, expected ({count}, {self.source_length}) token ids")
        if ids.dtype.kind not in "iu":
            raise TypeError(f"sources has type {ids.dtype}, expected whole numbers: token ids")
        if ((ids < 0) | (ids > self.source_vocab_size)).any():
            raise ValueError(f"sources: allowed are the ids 0 to {self.source_vocab_size}, the last for a blank")
        return ids.astype(np.int64)
