"""Action masks: the tokens that may follow a prefix, by the task's rule and the least length."""

from __future__ import annotations

import numpy as np
from gymnasium.error import InvalidAction
from numpy.typing import ArrayLike

from textgen_env.checks import check_at_least, check_number
from textgen_env.handing import Handing
from textgen_env.tasks.base import BaseTask, Task
from textgen_env.text_checks import checked_prefix
from textgen_env.transition import BoolArray
from textgen_env.vocabulary import IntArray

NONE = np.zeros(0, np.int64)
"""No tokens, or no rows."""


class TokenMasks:
    """The tokens that a game allows.

    Args:
        task: what is written; its `allowed_tokens` is asked.
        min_length: the end token is masked until this many tokens are written.
        penalty: that a masked token costs, which then ends its text; None: it is refused.

    Attributes:
        any: whether a token can be masked at all; not where the task has `BaseTask`'s rule and `min_length` is 0.
        by_task: whether the task has another rule than `BaseTask`'s.

    Raises:
        TypeError, ValueError: a min_length that is no whole number, or leaves no text to write; a penalty that is no
            number >= 0.
    """

    def __init__(self, task: Task, min_length: int = 0, penalty: float | None = None) -> None:
        self.task = task
        self._handing = Handing.of(task)
        self.min_length = check_at_least("min_length", min_length, least=0)
        if penalty is not None:
            check_number("mask_penalty", penalty)
        self.penalty = penalty
        self._vocab_size = len(task.vocabulary)
        self._late_token = task.vocabulary.eos_id if min_length else None
        if self._late_token is not None and (min_length >= task.max_length or self._vocab_size == 1):
            raise ValueError(
                f"min_length={min_length} must be below max_length={task.max_length}, and 0 where the end token is the "
                "only token"
            )

        self.by_task = getattr(task.allowed_tokens, "__func__", None) is not BaseTask.allowed_tokens
        self.any = self._late_token is not None or self.by_task

    def allowed(self, tokens: IntArray, lengths: IntArray) -> BoolArray | None:
        """Tokens that may follow each of the prefixes (K, T), (K,): (K, V), or None where every token may.

        Raises:
            ValueError: the task returned no such mask.
        """
        allowed = self.task.allowed_tokens(self._handing(tokens), self._handing(lengths))
        shape = (len(tokens), self._vocab_size)
        if allowed is not None and (allowed.shape != shape or allowed.dtype != np.bool_):
            raise ValueError(
                f"{type(self.task).__name__}.allowed_tokens returned {allowed.dtype} {allowed.shape}, "
                f"expected bool {shape}"
            )
        if self._late_token is not None:
            allowed = np.ones(shape, np.bool_) if allowed is None else allowed.copy()
            allowed[lengths < self.min_length, self._late_token] = False
        return allowed

    def masked(self, chosen: IntArray, tokens: IntArray, lengths: IntArray, rows: IntArray) -> IntArray:
        """Which (E,) of the tokens (K,) may not follow the prefixes of lengths (K,) in `rows` (K,) of `tokens` (N, T).

        Raises:
            InvalidAction: one, where there is no penalty for it.
            ValueError: the task leaves no token at all to choose.
        """
        found = self._masked(chosen, tokens[rows], lengths) if self.any else NONE
        if len(found):
            self.check_goes_on(tokens[rows[found]], lengths[found], rows[found])
            if self.penalty is None:
                at = found[0]
                token = self.task.vocabulary.tokens[chosen[at]]
                raise InvalidAction(
                    f"action={chosen[at]} ({token!r}) in row {rows[at]} is masked after {lengths[at]} tokens; "
                    "choose one that action_masks() allows, or make the game with mask_penalty=..."
                )
        return found

    def check_goes_on(self, tokens: IntArray, lengths: IntArray, rows: IntArray) -> None:
        """Refuses prefixes (K, T), (K,) in `rows` (K,) of texts that have not ended, if none may follow one of them.

        Raises:
            ValueError: naming the task and the prefix.
        """
        allowed = self.allowed(tokens, lengths) if self.by_task else None
        if allowed is None or allowed.any(1).all():
            return
        at = int((~allowed.any(1)).argmax())
        ids = tokens[at, : lengths[at]].tolist()
        text = " ".join(self.task.vocabulary.tokens[each] for each in ids)
        also = f", with min_length={self.min_length}," if self.min_length else ""
        raise ValueError(
            f"{type(self.task).__name__}.allowed_tokens{also} leaves no token after the {lengths[at]} tokens "
            f"{ids} ({text!r}) in row {rows[at]}: it must allow one after every prefix of a text that has not ended. "
            "textgen_env.testing.check_task looks for such prefixes"
        )

    def started(self, prefix: ArrayLike, count: int) -> tuple[IntArray, IntArray]:
        """`count` texts begun with `prefix`: tokens (count, T) and lengths (count,).

        Raises:
            TypeError, ValueError: see `checked_prefix`; or a token that may not stand where it does.
        """
        ids = checked_prefix(prefix, count, self.task)
        tokens = np.full((count, self.task.max_length), self._vocab_size, np.int64)
        lengths = np.zeros(count, np.int64)
        for position, chosen in enumerate(ids.T):
            found = self._masked(chosen, tokens, lengths)
            if len(found):
                raise ValueError(f"prefix={prefix!r}: token {chosen[found[0]]} is masked after {position} tokens")
            tokens[:, position] = chosen
            lengths += 1
        return tokens, lengths

    def _masked(self, chosen: IntArray, tokens: IntArray, lengths: IntArray) -> IntArray:
        allowed = self.allowed(tokens, lengths)
        return NONE if allowed is None else np.flatnonzero(~allowed[np.arange(len(chosen)), chosen])
