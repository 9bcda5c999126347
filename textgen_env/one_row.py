"""One row of a game, moved without arrays of one entry where the game allows it: they take many times as long as the
numbers in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgen_env.core import GenerationCore
from textgen_env.rewards.base import learns
from textgen_env.text_checks import token_id
from textgen_env.transition import FinishedText
from textgen_env.vocabulary import IntArray

Moved = tuple[IntArray, float, FinishedText | None]
"""The prefix (T,) after a step, a copy; what the token earned; and the text, if that was its end."""


class OneRow:
    """One row of a core.

    What the reward has no form for one text for, what is masked, and whatever is to be refused is left to the core's
    own `step` and `reset`: this is a shorter way to the same place, or none.

    Args:
        core: of the game; of its rows, this one is moved.
        row: which.
    """

    def __init__(self, core: GenerationCore, row: int = 0) -> None:
        self._core = core
        self._row = row
        self._short = core.emitter.takes_one and not core.masks.any
        self._told = learns(core.reward)

    def reset(self, options: Mapping[str, Any], seed: int | None) -> None:
        """Begins a text; options and errors as `GenerationCore.reset` has them."""
        core, row = self._core, self._row
        if options or seed is not None or not self._short:
            core.reset(core.all_rows[row : row + 1], **options, seeds=None if seed is None else [seed])
            return
        source = None if core.source_indices is None else core.drawn_source(row)
        if core.emitter.every_token:
            core.emitter.begin_one(row)
        core.begin(row, core.vocab_size, 0, source)

    def step(self, action: Any) -> Moved:
        """Writes one token; errors as `GenerationCore.step` has them."""
        moved = self._moved(action) if self._short else None
        if moved is not None:
            return moved
        core, row = self._core, self._row
        transition = core.step([action], core.all_rows[row : row + 1])
        finished = None if transition.finished is None else transition.finished.text(0)
        return core.tokens[row].copy(), float(transition.rewards[row]), finished

    def _moved(self, action: Any) -> Moved | None:
        """A step by the short way; None, and nothing is changed, where it must be gone the long way."""
        core, row = self._core, self._row
        prefixes, emitter = core.prefixes, core.emitter
        token = token_id(action, core.vocab_size)
        before = prefixes.lengths.item(row)
        if token < 0 or not prefixes.running.item(row):
            return None
        length = before + 1
        ends = prefixes.ends(token, length)
        text = prefixes.tokens[row].copy()
        text[before] = token
        if not (ends or emitter.every_token):
            prefixes.write_one(row, token, before)
            return text, 0.0, None
        source = None if core.source_indices is None else core.source_indices.item(row)
        paid = emitter.emit_one(row, text, length, source)
        if paid is None:
            return None
        earned, terms = paid
        finished = None
        if ends:
            finished = FinishedText(text.copy(), length, int(prefixes.by_end_token(token)), terms, source)
            if self._told and core.learning:
                core.tell_of_end(finished)
            core.running[row] = False
        prefixes.write_one(row, token, before)
        core.last_rewards[row] = earned
        core.returns[row] = core.returns.item(row) + earned
        return text, earned, finished
