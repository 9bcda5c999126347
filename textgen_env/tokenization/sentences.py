"""Sentences of a paragraph."""

from __future__ import annotations

import regex

# After a mark that ends a sentence, and closing quotes and brackets; before what may begin one.
ENDING = regex.compile(r"""(?<=[.!?…]["”’')\]]*)\s+(?=["“‘'(\[]*[\p{Lu}\p{Lt}\p{Lo}\p{N}])|(?<=[。！？][”’」』）]*)""")


def sentences_of(paragraph: str) -> list[str]:
    """The sentences of a paragraph, in order, without blanks around them; they hold all of its characters but blanks.

    A full stop that is followed by a capital letter, a digit or a letter without case ends a sentence, so that
    "Mr. Obama" is cut.
    """
    return [sentence.strip() for sentence in ENDING.split(paragraph) if sentence.strip()]
