"""Words and punctuation marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Self

import regex

from textgen_env.checks import check_bool, check_choice
from textgen_env.tokenization.normalization import Form, check_form, normal

Punctuation = Literal["apart", "attached", "dropped"]
Contractions = Literal["apart", "whole"]

# Scripts that are written without blanks between words; no dictionary is used, each character is a word.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{UNSPACED}]]"
ENDINGS = "s|m|d|re|ve|ll"
NUMBER = r"\p{Nd}+(?:[.,:]\p{Nd}+)*(?![\p{L}\p{M}])"
ABBREVIATION = r"(?<!\p{L})(?:\p{L}\.){2,}"
SIGNS = r"\.{2,}|-{2,}"
# The joiners stand within words of Indic and Persian scripts.
INNER = r"[-'’·\u200c\u200d]"
WHOLE = regex.compile(rf"(?V1){NUMBER}|{ABBREVIATION}|{LETTER}+(?:{INNER}{LETTER}+)*|{SIGNS}|\X")
APART = regex.compile(
    rf"(?V1){NUMBER}|{ABBREVIATION}"
    rf"|n['’]t(?!{LETTER})|['’](?:{ENDINGS})(?!{LETTER})"
    # A word ends before what is taken apart from it.
    rf"|(?:(?!n['’]t(?!{LETTER})){LETTER})+(?:(?!['’](?:{ENDINGS})(?!{LETTER})){INNER}(?:(?!n['’]t(?!{LETTER})){LETTER})+)*"
    rf"|{SIGNS}|\X",
    regex.IGNORECASE,
)
NO_MARK = regex.compile(r"[\p{L}\p{M}\p{N}\p{S}]")
UNSPACED_ONLY = regex.compile(rf"[{UNSPACED}、。，．！？：；「」『』（）《》〈〉【】…—]\p{{M}}*")
OPENING = frozenset("([{¿¡“‘«„<#$€£")
CLOSING = frozenset(".,!?;:)]}%”’»>…") | {"...", ".."}
PAIRED = frozenset("\"'`")
"""Quotation marks that open and close alike: the first of a text opens, the next closes, and so on."""
MOST_KEPT = 2**20


@dataclass(frozen=True)
class WordTokenization:
    """A text cut into words, numbers and punctuation marks, at blanks and within.

    - A word is letters, marks, digits and "_", with single hyphens and apostrophes inside: "twenty-one", "o'clock".
    - A number keeps its inner points, commas and colons: "3.50", "1,000", "10:30".
    - Letters with a full stop each are one token: "u.s.", "a.m.".
    - Each punctuation mark and symbol is a token; several full stops or hyphens in a row are one: "...", "--".
    - In English, contractions come apart as in the Penn Treebank: "don't" is "do", "n't", and "it's" is "it", "'s".
    - Chinese, Japanese, Thai, Lao, Khmer and Burmese, written without blanks, are cut character by character.
    - An emoji is one token, and so is any character with its combining marks.

    Joined, words stand apart by a blank, and marks where readers expect them: no blank before "." or "'s", none within
    brackets and quotes, none between Chinese characters. Blanks of the text that this rule does not give are lost;
    cutting the joined text gives the same tokens.

    Attributes:
        lowercase: whether letters are made small first.
        punctuation: "apart" as above; "attached" cuts at blanks alone, and marks stay with their words; "dropped"
            leaves marks out.
        contractions: "apart" as above, or "whole".
        unicode_form: "NFC", "NFKC" or "none", the normal form that texts are brought into first.

    Raises:
        TypeError, ValueError: an attribute that is not allowed.
    """

    lowercase: bool = False
    punctuation: Punctuation = "apart"
    contractions: Contractions = "apart"
    unicode_form: Form = "NFC"
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _fits: dict[tuple[str, str], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    separator: ClassVar[str] = " "
    pieces: ClassVar[None] = None
    learned: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_bool("lowercase", self.lowercase)
        check_choice("punctuation", self.punctuation, ("apart", "attached", "dropped"))
        check_choice("contractions", self.contractions, ("apart", "whole"))
        check_form(self.unicode_form)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Name and attributes."""
        return {"name": "word", **{key: value for key, value in asdict(self).items() if not key.startswith("_")}}

    def fitted(self, texts: Iterable[str]) -> Self:
        """Itself: nothing is learned."""
        return self

    def with_learned(self, learned: str) -> Self:
        """Itself: nothing is learned."""
        return self

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """The words and marks of each text."""
        known = self._known
        rows = []
        for text in texts:
            row: list[str] = []
            for chunk in normal(text, self.unicode_form, self.lowercase).split():
                # No token holds a blank, so that what stands between two is cut once, however often it occurs.
                found = known.get(chunk)
                row.extend(self._cut_chunk(chunk) if found is None else found)
            rows.append(row)
        return rows

    def join(self, pieces: Sequence[str]) -> str:
        """The tokens as a reader writes them."""
        if self.punctuation == "attached":
            return " ".join(pieces)
        parts: list[str] = []
        opened: set[str] = set()
        before, opens = "", True
        for piece in pieces:
            closes = piece in opened
            if parts and not (self._may_touch(before, piece, opens, closes) and self._cut_alike(before, piece)):
                parts.append(" ")
            parts.append(piece)
            before, opens = piece, piece in OPENING or (piece in PAIRED and not closes)
            if piece in PAIRED:
                opened ^= {piece}
        return "".join(parts)

    def _may_touch(self, before: str, piece: str, opens: bool, closes: bool) -> bool:
        """Whether no blank stands between two tokens; `opens` if the first is an opening mark, `closes` if the second
        is a closing quotation mark."""
        if opens or closes or piece in CLOSING:
            return True
        if len(piece) > 1 and piece[0] in "'’nN" and self.contractions == "apart" and _is_ending(piece):
            return True
        return bool(UNSPACED_ONLY.fullmatch(before) and UNSPACED_ONLY.fullmatch(piece))

    def _cut_alike(self, before: str, piece: str) -> bool:
        """Whether two tokens that touch are cut where they meet."""
        pair = (before, piece)
        found = self._fits.get(pair)
        if found is None:
            if len(self._fits) >= MOST_KEPT:
                self._fits.clear()
            apart = [*self._words(before), *self._words(piece)]
            found = self._fits[pair] = self._words(before + piece) == apart
        return found

    def _cut_chunk(self, chunk: str) -> tuple[str, ...]:
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        found = self._known[chunk] = tuple(self._words(chunk))
        return found

    def _words(self, chunk: str) -> list[str]:
        if self.punctuation == "attached":
            return [chunk]
        words: list[str] = (APART if self.contractions == "apart" else WHOLE).findall(chunk)
        return [word for word in words if NO_MARK.search(word)] if self.punctuation == "dropped" else words


def _is_ending(piece: str) -> bool:
    return piece.lower().replace("’", "'") in {"n't", *(f"'{ending}" for ending in ENDINGS.split("|"))}
