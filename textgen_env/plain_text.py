"""Text of a user's, made harmless wherever it is shown."""

from __future__ import annotations

import sys
import unicodedata
from typing import TextIO

# Controls, invisible formatting such as a change of direction, and halves of pairs that no encoding takes.
UNSHOWN = ("Cc", "Cf", "Cs")
KEPT = "\n\t"
# Of emoji and of Indic and Persian letters: they change how their neighbours look, and nothing else.
JOINERS = "\u200c\u200d"


def plain_text(text: str, most: int | None = None) -> str:
    """The text with what is not shown as itself written out ("\\x1b"), line ends and tabs excepted: a terminal does not
    obey it, and any encoding takes it.

    Args:
        text: any.
        most: characters; of a longer text the first, and how many it has.
    """
    total = len(text)
    cut = most is not None and total > most
    shown = text[:most] if cut else text
    if not shown.isprintable():
        shown = "".join(each if _is_harmless(each) else _written_out(each) for each in shown)
    return f"{shown}… ({total:,} characters in all)" if cut else shown


def print_text(text: str, stream: TextIO | None = None) -> None:
    """Prints a text on a stream, standard output by default, whatever its encoding: letters that it lacks are written
    out."""
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _is_harmless(character: str) -> bool:
    return character in KEPT or character in JOINERS or unicodedata.category(character) not in UNSHOWN


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
