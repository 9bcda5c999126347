"""Rewards of an environment for TRL's trainers (`GRPOTrainer`, `RLOOTrainer`), which write whole texts themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from textgen_env.checks import check_number
from textgen_env.game import TextGame, text_game
from textgen_env.tasks.base import pad


def reward_function(env: Any, ids: bool = False, outside: float | None = None) -> Callable[..., list[float]]:
    """The score of an environment as a reward function of TRL: `GRPOTrainer(..., reward_funcs=reward_function(env))`.

    A completion is what an episode would write: cut after T tokens, with the end token behind a shorter one. The scores
    are `env.unwrapped.score` of all completions in one call, of which a reward that learns does not learn. TRL itself
    is not needed to make the function, nor to call it.

    Args:
        env: of texts, single or vector. A conditional one needs the column `source_row` in the data set: the row of the
            source that each prompt shows.
        ids: whether `completion_ids` are token ids of this environment's vocabulary: for a model made for it. Otherwise
            the strings of `completions` are cut into tokens.
        outside: the reward of a completion that holds a word, or an id, which the vocabulary lacks; None refuses it.
            Where the vocabulary has an unknown token, words become that.

    Returns:
        `f(prompts, completions, completion_ids=None, source_row=None, **columns)`, which returns a float for each
        completion: a string, a list of messages, or ids.

    Raises:
        TypeError: no environment of texts, or `outside` no number.
    """
    game = text_game(env)
    if outside is not None:
        check_number("outside", outside, least=-np.inf)

    def reward(
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        source_row: Sequence[int] | None = None,
        **columns: Any,
    ) -> list[float]:
        if game.task.sources is not None and source_row is None:
            raise ValueError("source_row: a conditional environment needs this column in the data set, got none")
        if ids and completion_ids is None:
            raise ValueError("completion_ids: reward_function(env, ids=True) reads them, got None")
        texts = [_ids_of(each, game) for each in (completion_ids if ids and completion_ids else completions)]
        scores = np.full(len(texts), 0.0 if outside is None else outside)
        known = [place for place, text in enumerate(texts) if isinstance(text, list)]
        if len(known) < len(texts) and outside is None:
            strange = next(text for text in texts if not isinstance(text, list))
            raise ValueError(
                f"completions: {strange!r} is not in the vocabulary of {len(game.task.vocabulary)} tokens; give "
                "reward_function(env, outside=...) a reward for such texts"
            )
        if known:
            chosen = pad([_ended(texts[place], game) for place in known], game.task.max_length, _blank(game))
            rows = None if source_row is None else np.asarray(source_row)[known]
            rows = rows if game.task.sources is not None else None
            scores[known] = game.score(chosen.tokens, chosen.lengths, rows)
        return [float(score) for score in scores]

    reward.__name__ = f"score_of_{getattr(game.reward, 'name', 'reward')}"
    return reward


def _blank(game: TextGame) -> int:
    return game.task.vocabulary.blank_id


def _ids_of(completion: Any, game: TextGame) -> Any:
    """The ids of one completion; or the first piece of it that the vocabulary lacks."""
    vocabulary = game.task.vocabulary
    if not isinstance(completion, str) and len(completion) and isinstance(completion[-1], dict):
        completion = completion[-1]["content"]
    if not isinstance(completion, str):
        found = [int(each) for each in completion]
        return next((each for each in found if not 0 <= each < len(vocabulary)), found)
    known = {token: place for place, token in enumerate(vocabulary.tokens)}
    found = []
    for piece in _cut(completion, game):
        place = known.get(piece, vocabulary.unknown_id)
        if place is None:
            return piece
        found.append(place)
    return found


def _cut(text: str, game: TextGame) -> list[str]:
    """The tokens of a string, as the task cuts its own texts."""
    tokenization: Any = getattr(game.task, "tokenization", None)
    if hasattr(tokenization, "cut"):
        pieces: list[str] = tokenization.cut([text])[0]
        return pieces
    separator = game.task.vocabulary.separator
    return list(text.strip()) if not separator else text.split()


def _ended(ids: list[int], game: TextGame) -> list[int]:
    """As an episode writes them: no longer than T, nothing behind the end token, which ends a text that is shorter."""
    end = game.task.vocabulary.eos_id
    if end is not None:
        ids = [*(ids[: ids.index(end)] if end in ids else ids), end]
    return ids[: game.task.max_length]
