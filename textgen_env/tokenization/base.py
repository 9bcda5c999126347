"""Tokenization: the Protocol that corpora cut their texts by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable


@dataclass(frozen=True)
class Pieces:
    """All pieces of a tokenization that has them fixed, in the order of their ids.

    Attributes:
        tokens: V distinct strings.
        end: the one among them that ends a text.
        unknown: the one that stands for what none of them covers; "" where they cover everything.
    """

    tokens: tuple[str, ...]
    end: str
    unknown: str


@runtime_checkable
class Tokenization(Protocol):
    """Tokenization: cuts texts into pieces, and joins pieces to text. Immutable; equal to another of its settings.

    Attributes:
        separator: what stands between two pieces as a rule: " " for words, "" for characters and subwords.
        settings: all that the pieces depend on, as plain JSON; its entry "name" is the registered name.
        pieces: the pieces that there are, or None where those of the training texts make the vocabulary.
        learned: what `fitted` has learned, as text that can be kept; "" where nothing is.
    """

    @property
    def separator(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    @property
    def pieces(self) -> Pieces | None: ...

    @property
    def learned(self) -> str: ...

    def fitted(self, texts: Iterable[str]) -> Self:
        """This tokenization with its pieces learned from training texts; itself where nothing is learned."""
        ...

    def with_learned(self, learned: str) -> Self:
        """This tokenization as `fitted` has made it before, from its `learned`."""
        ...

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """The pieces of each text. Cutting what `join` made of pieces that were cut gives the same pieces."""
        ...

    def join(self, pieces: Sequence[str]) -> str:
        """The readable text of pieces."""
        ...
