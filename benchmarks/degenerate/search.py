"""Search for degenerate texts: empty ones, one token over and over, fragments, shuffled words, copies."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from types import MappingProxyType

import gymnasium
import numpy as np

import textgen_env  # noqa: F401  registers the ids
from textgen_env import TextGame, Texts, text_game
from textgen_env.rewards.combine import parts_of
from textgen_env.rewards.learned import LearnedReward
from textgen_env.vocabulary import IntArray

MOST_TEXTS = 500
"""Training texts, or sources, that candidates are made of."""
LESSONS = 200
"""Updates that a reward that learns takes on texts of uniform tokens before it is asked."""
REAL = "real texts (test data)"


@dataclass(frozen=True)
class Found:
    """Rewards that a game pays for the texts of one kind.

    Attributes:
        game: the id.
        kind: in words.
        texts: how many were tried.
        best, mean: of their scores, in the reward's unit; of a conditional game those of each text or rule over the
            sources.
        real: the mean score of the test data.
        text: the best one.
    """

    game: str
    kind: str
    texts: int
    best: float
    mean: float
    real: float
    text: str

    @property
    def beats(self) -> bool:
        """Whether the best one earns more than real texts do on average."""
        return self.kind != REAL and self.best > self.real


class Writer:
    """Writer of candidates for a game: each a list of token ids, ended as the game's texts end.

    Args:
        game: whose task it is.
        seed: of what is shuffled.
    """

    def __init__(self, game: TextGame, seed: int = 0) -> None:
        self.vocabulary, self.horizon = game.task.vocabulary, game.task.max_length
        self.eos, self.rng = game.task.vocabulary.eos_id, np.random.default_rng(seed)
        training = game.task.training_sequences()
        lengths = self.vocabulary.content_lengths(training.tokens, training.lengths)
        self.real = [row[:length].tolist() for row, length in zip(training.tokens, lengths.tolist(), strict=True)]
        self.some = self.real[:MOST_TEXTS]
        self.words = [token for token in range(len(self.vocabulary)) if token != self.eos]

    def ended(self, text: list[int]) -> list[int]:
        """The text with the end token, where there is one and room for it; repeated up to the horizon where texts have
        no end."""
        if self.eos is None:
            return (text * self.horizon)[: self.horizon]
        return [*text[: self.horizon - 1], self.eos]

    def one_token(self) -> Iterator[list[int]]:
        """Each token once, half the horizon long, and up to it."""
        counts = {1, self.horizon // 2, self.horizon} if self.eos is not None else {self.horizon}
        return (self.ended([token] * count) for token in self.words for count in sorted(counts))

    def two_tokens(self) -> Iterator[list[int]]:
        """The pairs of neighbours in training texts by turns, up to the horizon."""
        pairs = dict.fromkeys(pair for text in self.some for pair in pairwise(text))
        return (self.ended(list(pair) * self.horizon) for pair in pairs)

    def fragments(self, least: int, most: int) -> Iterator[list[int]]:
        """Tokens in a row of training texts that begin or end as none of them does: no whole text, but a part of one.

        Two tokens make a beginning, two an end: "a pile of books ." is told from "women are walking black dogs".
        """
        begin, end = {tuple(text[:2]) for text in self.real}, {tuple(text[-2:]) for text in self.real}
        found = dict.fromkeys(
            tuple(text[begun : begun + count])
            for text in self.some
            for count in range(least, min(most, len(text) - 1) + 1)
            for begun in range(len(text) - count + 1)
        )
        return (self.ended(list(each)) for each in found if each[:2] not in begin or each[-2:] not in end)

    def run_on(self) -> Iterator[list[int]]:
        """Training texts one behind the other, without an end."""
        starts = range(0, len(self.some) - self.horizon)
        return (list(chain.from_iterable(self.some[at : at + self.horizon]))[: self.horizon] for at in starts)

    def shuffled(self) -> Iterator[list[int]]:
        """The words of training texts in another order."""
        return (self.ended(self.rng.permutation(text).tolist()) for text in self.some)

    def copies(self) -> Iterator[list[int]]:
        """Training texts as they are."""
        return (self.ended(list(text)) for text in self.some)


Kind = Callable[[Writer], Iterator[list[int]]]
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "one token": Writer.one_token,
        "two tokens by turns": Writer.two_tokens,
        "fragment of 1 to 5 tokens": lambda writer: writer.fragments(1, 5),
        "fragment of 6 to 12 tokens": lambda writer: writer.fragments(6, 12),
        "training texts run on": Writer.run_on,
        "words of a training text, shuffled": Writer.shuffled,
        "copy of a training text": Writer.copies,
    }
)
EMPTY: Kind = lambda writer: iter([[writer.eos]] if writer.eos is not None else [])  # noqa: E731, as the others


def searched(game_id: str, seed: int = 0) -> list[Found]:
    """The best degenerate texts of every kind in a registered game, and its real texts.

    A reward that learns is first taught to tell the real texts from uniform tokens: what it pays later depends on the
    agent that it is taught by.

    Args:
        game_id: of the registry.
        seed: of what is shuffled, and of uniform tokens.
    """
    with warnings.catch_warnings():
        # Of versions with a flaw, too, which Gymnasium advises against.
        warnings.simplefilter("ignore", DeprecationWarning)
        envs = gymnasium.make_vec(game_id, num_envs=1)
    game = text_game(envs)
    for part in parts_of(game.reward):
        if isinstance(part, LearnedReward):
            part.update(_uniform(game, 64 * LESSONS, seed), steps=LESSONS)
    test = game.task.test_sequences()
    real = game.score(test.tokens, test.lengths, test.sources)
    writer = Writer(game, seed)
    decode = writer.vocabulary.decode
    mean, at = float(real.mean()), int(real.argmax())
    found = [Found(game_id, REAL, len(real), float(real[at]), mean, mean, decode(test.tokens[at]))]
    sources = None if test.sources is None else np.unique(test.sources)[:MOST_TEXTS]
    for kind, candidates in {"empty": EMPTY, **KINDS}.items():
        texts = list(candidates(writer))
        if not texts:
            continue
        tokens = np.full((len(texts), writer.horizon), writer.vocabulary.blank_id, np.int64)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = text
        scores = _scores(game, tokens, sources)
        at = int(scores.argmax())
        best = float(scores[at]), float(scores.mean()), mean
        found.append(Found(game_id, kind, len(texts), *best, decode(tokens[at])))
    return found


def _scores(game: TextGame, tokens: IntArray, sources: IntArray | None) -> np.ndarray:
    """(N,): of a conditional game the mean over the sources that each text is given as the answer to."""
    if sources is None:
        return game.score(tokens)
    asked = sources[:: max(1, len(sources) // 50)]
    repeated = game.score(np.repeat(tokens, len(asked), 0), None, np.tile(asked, len(tokens)))
    return np.asarray(repeated.reshape(len(tokens), len(asked)).mean(1))


def _uniform(game: TextGame, count: int, seed: int) -> Texts:
    """Texts of uniform tokens, ended where one of them is the end token."""
    vocabulary, rng = game.task.vocabulary, np.random.default_rng(seed)
    tokens = rng.integers(len(vocabulary), size=(count, game.task.max_length))
    lengths = vocabulary.lengths(tokens)
    tokens[np.arange(tokens.shape[1]) >= lengths[:, None]] = vocabulary.blank_id
    return Texts(tokens, lengths)
