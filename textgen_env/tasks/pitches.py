"""Pitches: the 88 keys of a piano by their names and MIDI numbers, and tasks that are written in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from textgen_env.vocabulary import IntArray

KEYS = 88
LOWEST, HIGHEST = 21, 108
"""MIDI numbers of the outermost keys, A0 and C8; 69 is the A4 of 440 Hz."""
LETTERS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@runtime_checkable
class HasPitches(Protocol):
    """Task whose tokens are pitches."""

    @property
    def pitches(self) -> IntArray:
        """(V,) int64 MIDI number of each token."""
        ...


def note_name(pitch: int) -> str:
    """The scientific name of a MIDI number, with sharps alone: 60 is "C4"."""
    return f"{LETTERS[pitch % 12]}{pitch // 12 - 1}"


NAMES = tuple(note_name(pitch) for pitch in range(LOWEST, HIGHEST + 1))
_PITCHES = {name: LOWEST + key for key, name in enumerate(NAMES)}


def pitches_of(names: Iterable[str]) -> IntArray | None:
    """The MIDI numbers (L,) int64 of notes by their names; None if one is no key of the piano, or there are none."""
    found = [_PITCHES.get(name, 0) for name in names]
    return np.array(found, np.int64) if found and all(found) else None


class Note(NamedTuple):
    """A key that is held: from which step, for how many, and its MIDI number."""

    start: int
    steps: int
    pitch: int


def held_notes(pitches: Iterable[int]) -> list[Note]:
    """The notes of a melody, a MIDI number a step: steps in a row with the same number are one note.

    >>> held_notes([60, 60, 62])
    [Note(start=0, steps=2, pitch=60), Note(start=2, steps=1, pitch=62)]
    """
    notes: list[Note] = []
    for step, pitch in enumerate(pitches):
        if notes and notes[-1].pitch == pitch:
            notes[-1] = notes[-1]._replace(steps=notes[-1].steps + 1)
        else:
            notes.append(Note(step, 1, int(pitch)))
    return notes
