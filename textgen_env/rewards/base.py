"""Rewards: the Protocol that the core calls, a base class, and the adapter for a user's own function.

A reward scores texts. It is asked for whole texts (`terms`, when a text has ended) or for growing prefixes
(`begin` and `extend`, when it is paid densely: a token then earns the change of the prefix score). The empty
prefix scores 0 in both. A reward with several parts names each in `terms`; `total` makes one number of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textgen_env.handing import Handing
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray

FloatArray = NDArray[np.float64]
Terms = dict[str, FloatArray]
"""Name of each part -> (N,) its scores, in its own unit."""
RewardState = dict[str, Any]
"""State that a reward carries from token to token: arrays whose first axis is the row, each row of one shape and type
throughout. The core gathers and scatters rows with `array[rows]`, NumPy or torch; it never looks inside. An entry too
large to copy at every token may be an object of the reward's own that has `dtype`, `shape`, `len`, `[rows]`, `[rows] =`
and `copy.copy`: what `[rows]` answers may then be a view, and takes effect when it is put back."""
RewardMode = Literal["terminal", "dense"]
RewardFunction = Callable[..., Any]


@runtime_checkable
class Reward(Protocol):
    """Score of texts. All methods take tokens (N, T) int64, lengths (N,) int64 and, for a conditional
    task, `Sources`; the lengths count the end token where one was written. They leave these arrays unchanged: a user's
    reward is handed views that cannot be written to (`torch.tensor(tokens)` copies them).
    Scores are float64, finite."""

    name: str
    default_mode: RewardMode

    def bind(self, task: Task) -> Reward:
        """This reward, made ready for one task's vocabulary, horizon and data: a new object, or itself. Itself, too, if
        it has been made ready for that task before and has learned since."""
        ...

    def terms(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> Terms:
        """The parts of each whole text's score."""
        ...

    def total(self, terms: Terms) -> FloatArray:
        """The score (N,) that the parts make."""
        ...

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The state after the prefixes (N, T), (N,), of which a length may be 0. Its entry "total" (N,) holds
        the prefix scores; the core keeps that entry up to date."""
        ...

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """The parts of the prefix scores and the state after one more token, the last of each prefix.
        `state` is not changed."""
        ...

    def episodes_ended(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> None:
        """Told of the texts that ended in a step, after they were scored: the place to learn from them. Not told of
        those that are played for evaluation. Where it raises, the step is not taken."""
        ...


class BaseReward:
    """Base of rewards, all but the score: a subclass defines `score`, and where a prefix can be scored from its
    predecessor more cheaply than from its start, `begin` and `extend`."""

    name: str = "reward"
    default_mode: RewardMode = "terminal"

    def bind(self, task: Task) -> Self:
        """Itself: nothing to prepare."""
        return self

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The scores (N,) of texts (N, T), (N,)."""
        raise NotImplementedError(f"{type(self).__name__} must define score(tokens, lengths, sources)")

    def terms(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> Terms:
        """One part: the score under this reward's name."""
        return {self.name: self.score(tokens, lengths, sources)}

    def total(self, terms: Terms) -> FloatArray:
        """The one part."""
        return terms[self.name]

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The prefix scores, 0 for an empty prefix."""
        total = np.zeros(len(tokens))
        begun = np.flatnonzero(lengths > 0)
        if len(begun):
            begun_sources = None if sources is None else Sources(sources.indices[begun], sources.tokens[begun])
            scores = self.total(self.terms(tokens[begun], lengths[begun], begun_sources))
            total[begun] = checked_scores(scores, len(begun), self.name)
        return {"total": total}

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """Scores the prefixes from their start."""
        return self.terms(tokens, lengths, sources), {}

    def episodes_ended(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> None:
        """Nothing to learn."""


def learns(reward: Reward) -> bool:
    """Whether a reward may learn from the texts that end."""
    return type(reward).episodes_ended is not BaseReward.episodes_ended


@runtime_checkable
class ScoresOneText(Protocol):
    """A reward of this package, of one part, that scores one whole text without arrays of one entry."""

    def score_one(self, text: IntArray, length: int, source: int | None) -> float | None:
        """`score` of the text (T,) int64, which answers to a row of the source table; None where `terms` must be asked:
        where the score is not finite, or the text is to be refused."""
        ...


@runtime_checkable
class GathersOneText(Protocol):
    """A reward of this package that gathers the texts that end, to learn from them."""

    def episode_ended(self, text: IntArray) -> bool:
        """`episodes_ended` of one text (T,), where that does no more than gather it; False, and nothing is changed,
        where it does."""
        ...


@runtime_checkable
class ExtendsOneText(Protocol):
    """A reward of this package that moves the state of one row on where it lies: with `begin` and `extend` on arrays of
    one entry, a token costs many times what is to be computed. It has one part, and the values are those of `extend`.
    """

    def begin_one(self, state: RewardState, row: int) -> None:
        """Puts the state of the empty prefix into `row`; "total" is the core's."""
        ...

    def extend_one(self, state: RewardState, row: int, text: IntArray, length: int) -> float | None:
        """The score of the prefix `text[:length]`, (T,) int64, whose last token is not in the state of `row` yet, and
        then is; None, and nothing is changed, where `extend` must be asked: where the score is not finite."""
        ...


class FunctionReward(BaseReward):
    """A plain function `f(tokens, lengths)` or `f(tokens, lengths, sources)` as a reward.

    Args:
        function: takes tokens (N, T) int64, lengths (N,) int64 and, if it wants them, `sources` (`Sources` or None);
            returns (N,).
        name: under which `info["reward_terms"]` shows it; the function's own by default.

    Raises:
        TypeError: a function that cannot be called so.
    """

    def __init__(self, function: RewardFunction, name: str | None = None) -> None:
        self.function = function
        own_name: str = getattr(function, "__name__", type(function).__name__)
        self.name = name or own_name
        self._call = with_sources(function, ("tokens", "lengths"), self.name)

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """Scores (N,) that the function returns; the arrays it is handed are its own."""
        own = None if sources is None else Sources(sources.indices.copy(), sources.tokens.copy())
        return checked_scores(self._call(tokens.copy(), lengths.copy(), own), len(tokens), self.name)


@dataclass(frozen=True)
class SourcesCall:
    """A call of a user's function with arguments and the sources, handed on as the function takes them.

    Attributes:
        function: the user's.
        sources: how it takes them: not at all, by their name, or as the last argument.
    """

    function: RewardFunction
    sources: Literal["not", "by name", "last"]

    def __call__(self, *given: Any) -> Any:
        """The function's answer to `given`, whose last one is the sources."""
        if self.sources == "by name":
            return self.function(*given[:-1], sources=given[-1])
        return self.function(*(given if self.sources == "last" else given[:-1]))


def with_sources(function: RewardFunction, arguments: tuple[str, ...], name: str) -> SourcesCall:
    """The call of a user's function with `arguments`, and with the sources if it wants them.

    It wants them if it has a parameter `sources`, or needs one parameter more than `arguments`.

    Args:
        function: the user's.
        arguments: names of what comes before the sources.
        name: of the reward, for the error.

    Raises:
        TypeError: a function that cannot be called with `arguments`, with or without sources.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # A function of another language says nothing of its parameters.
        return SourcesCall(function, "not")
    parameters = signature.parameters.values()
    named = any(each.name == "sources" or each.kind is each.VAR_KEYWORD for each in parameters)
    if named and _binds(signature, *arguments, sources="sources"):
        return SourcesCall(function, "by name")
    if _binds(signature, *arguments) and not named:
        return SourcesCall(function, "not")
    if _binds(signature, *arguments, "sources"):
        return SourcesCall(function, "last")
    wanted = ", ".join(arguments)
    raise TypeError(
        f"reward {name!r} is called as {name}({wanted}) or {name}({wanted}, sources); {name}{signature} takes neither: "
        "give its other parameters defaults"
    )


def _binds(signature: inspect.Signature, *positional: str, **keywords: str) -> bool:
    try:
        signature.bind(*positional, **keywords)
    except TypeError:
        return False
    return True


def last_tokens(tokens: IntArray, lengths: IntArray) -> tuple[IntArray, IntArray]:
    """The last token of each of the texts (N, T), (N,), of which no length is 0, and the one before it; that is any id
    where there is none. Both (N,), of their own."""
    # One axis: an index for each of two takes four times as long.
    flat, at = tokens.reshape(-1), np.arange(len(tokens)) * tokens.shape[1] + (lengths - 1)
    return flat.take(at), flat.take(at - 1)


def handed_texts(
    handing: Handing, tokens: IntArray, lengths: IntArray, sources: Sources | None
) -> tuple[IntArray, IntArray, Sources | None]:
    """Texts as they are handed to a reward."""
    return handing(tokens), handing(lengths), None if sources is None else sources.handed(handing)


def as_reward(reward: object) -> Reward:
    """A `Reward` as it is; an object with a `score` method or a plain function, wrapped.

    Raises:
        TypeError: anything else.
    """
    if isinstance(reward, Reward):
        return reward
    score = getattr(reward, "score", None)
    if callable(score):
        return FunctionReward(score, name=getattr(reward, "name", type(reward).__name__))
    if callable(reward):
        return FunctionReward(reward)
    raise TypeError(
        f"reward={reward!r} must be the name of a reward, a Reward, an object with score(tokens, lengths, sources), "
        f"or a function f(tokens, lengths, sources) -> (N,), sources being optional; got {type(reward).__name__}"
    )


def checked_scores(scores: object, count: int, name: str) -> FloatArray:
    """A copy of `scores` as float64 (count,).

    Raises:
        TypeError: not real numbers.
        ValueError: another shape, NaN or infinite.
    """
    try:
        array = np.asarray(scores)
    # A tensor that takes part in differentiation, or lies on a device, refuses with an error of its own.
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"reward {name!r} returned {type(scores).__name__}, not {count} numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"reward {name!r} returned {scores!r}; expected an array of {count} numbers")
    if array.shape != (count,):
        raise ValueError(f"reward {name!r} returned shape {array.shape}, expected ({count},): one score for each text")
    if np.count_nonzero(np.isfinite(array)) < count:
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"reward {name!r} returned {array[row]} for text {row}; scores must be finite")
    return array.astype(np.float64)
