"""Characters, as readers take them: grapheme clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import regex

from textgen_env.checks import check_bool
from textgen_env.tokenization.normalization import Form, check_form, normal

CLUSTER = regex.compile(r"\X")


@dataclass(frozen=True)
class CharacterTokenization:
    """A text cut into characters: extended grapheme clusters (Unicode Standard Annex 29), so that a letter with its
    combining marks, or an emoji of several code points, is one token. Blanks in a row are one, and a text neither
    begins nor ends with one. Joined, the characters give the text exactly.

    Attributes:
        lowercase: whether letters are made small first.
        unicode_form: "NFC", "NFKC" or "none", the normal form that texts are brought into first.

    Raises:
        TypeError, ValueError: an attribute that is not allowed.
    """

    lowercase: bool = False
    unicode_form: Form = "NFC"

    separator: ClassVar[str] = ""
    pieces: ClassVar[None] = None
    learned: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_bool("lowercase", self.lowercase)
        check_form(self.unicode_form)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Name and attributes."""
        return {"name": "character", **asdict(self)}

    def fitted(self, texts: Iterable[str]) -> Self:
        """Itself: nothing is learned."""
        return self

    def with_learned(self, learned: str) -> Self:
        """Itself: nothing is learned."""
        return self

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """The characters of each text."""
        return [self._characters(" ".join(normal(text, self.unicode_form, self.lowercase).split())) for text in texts]

    def join(self, pieces: Sequence[str]) -> str:
        """The characters, one after another."""
        return "".join(pieces)

    def _characters(self, text: str) -> list[str]:
        return list(text) if text.isascii() else CLUSTER.findall(text)
