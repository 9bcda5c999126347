"""A noisy channel for phones: what is heard of what was spoken.

The channel deletes, substitutes and inserts, each phone by itself, as the acoustic channel of Bahl and Jelinek,
"Decoding for channels with insertions, deletions, and substitutions with applications to speech recognition" (1975),
does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from textgen_env.checks import check_number
from textgen_env.vocabulary import IntArray

CLASSES: dict[str, tuple[str, ...]] = {
    "plosive": ("B", "D", "G", "K", "P", "T"),
    "affricate": ("CH", "JH"),
    "fricative": ("DH", "F", "HH", "S", "SH", "TH", "V", "Z", "ZH"),
    "nasal": ("M", "N", "NG"),
    "approximant": ("L", "R", "W", "Y"),
    "front vowel": ("AE", "EH", "EY", "IH", "IY"),
    "central vowel": ("AH", "ER"),
    "back vowel": ("AA", "AO", "OW", "UH", "UW"),
    "diphthong": ("AW", "AY", "OY"),
}
"""The 39 phones of the CMU Pronouncing Dictionary by articulation, as the chart of the International Phonetic Alphabet
arranges their sounds (Handbook of the International Phonetic Association, 1999): consonants by manner, vowels by place.
AH is the central vowel of "sofa" too, ER that of "bird"; EY and OW stand with the vowels that they begin as."""
PHONES: tuple[str, ...] = tuple(sorted(phone for members in CLASSES.values() for phone in members))
"""All of them; the position is the id."""


class Heard(NamedTuple):
    """Output of a channel.

    Attributes:
        phones: (M,) int64 ids.
        origins: (M,) int64, the place in the input of the phone that each one was, or follows: never decreasing.
        errors: (3,) int64, how many substitutions, deletions and insertions there were.
    """

    phones: IntArray
    origins: IntArray
    errors: IntArray


def transmit(phones: IntArray, noise: float, generator: np.random.Generator) -> Heard:
    """The phones that come out of the channel; a function of the arguments alone.

    With p = noise, each phone, independently of all others,

    - is substituted with probability p / 2, by one of the other phones of its class (`CLASSES`), each as likely;
    - is deleted with probability p / 4;
    - is kept with probability 1 - 3p / 4;

    and whatever became of it, one phone is inserted after it with probability p / 4, each of the 39 as likely. The
    expected number of errors for each phone is therefore p, and that of phones that come out is 1: a text grows neither
    longer nor shorter on average. At p = 1 a quarter of the phones are still kept.

    Args:
        phones: (L,) int64 ids, positions in `PHONES`.
        noise: p, in [0, 1]; at 0 the phones come out as they are.
        generator: four arrays (L,) are drawn from it whatever p is; a phone that errs at one p errs at a higher one.

    Raises:
        TypeError: a noise that is no number.
        ValueError: a noise out of range, or ids that are none of phones.
    """
    check_number("noise", noise, most=1)
    if phones.ndim != 1:
        raise ValueError(f"phones has shape {phones.shape}, expected (L,): the ids of phones")
    if phones.size and not 0 <= phones.min() <= phones.max() < len(PHONES):
        raise ValueError(f"phones holds ids from {phones.min()} to {phones.max()}; allowed are 0 to {len(PHONES) - 1}")
    count = len(phones)
    fate, other, after = generator.random(count), generator.random(count), generator.random(count)
    added = generator.integers(len(PHONES), size=count)
    deleted = fate < noise / 4
    substituted = ~deleted & (fate < 3 * noise / 4)
    inserted = after < noise / 4
    choice = (other * (_CLASS_SIZES[phones] - 1)).astype(np.int64)
    spoken = np.where(substituted, _OTHERS[phones, choice], phones)
    # Two places for each phone: its own, and that of the one inserted after it.
    places = np.stack([spoken, added], axis=1)
    filled = np.stack([~deleted, inserted], axis=1)
    origins = np.nonzero(filled)[0]
    errors = np.array([substituted.sum(), deleted.sum(), inserted.sum()], np.int64)
    return Heard(places[filled], origins, errors)


def _class_tables() -> tuple[IntArray, IntArray]:
    """For each phone the size of its class (39,), and the ids of the others in it, filled up with its own (39, 8)."""
    ids = {phone: i for i, phone in enumerate(PHONES)}
    sizes = np.zeros(len(PHONES), np.int64)
    others = np.tile(np.arange(len(PHONES))[:, None], max(map(len, CLASSES.values())) - 1)
    for members in CLASSES.values():
        for phone in members:
            rest = [ids[other] for other in members if other != phone]
            sizes[ids[phone]] = len(members)
            others[ids[phone], : len(rest)] = rest
    return sizes, others


_CLASS_SIZES, _OTHERS = _class_tables()
