"""Piano roll: a melody as bars over the keys of a piano."""

from __future__ import annotations

from typing import Any

import numpy as np

from textgen_env.tasks.pitches import HIGHEST, LOWEST, held_notes, note_name
from textgen_env.vocabulary import IntArray

Box = tuple[float, float, float, float]
KEYS = HIGHEST - LOWEST + 1
LABELS = 34
"""Pixels at the left that the names of the octaves take."""


def draw_roll(draw: Any, box: Box, pitches: IntArray, steps: int, font: Any, colours: dict[str, str]) -> None:
    """Draws a melody into an image of pillow's; all 88 keys have a place, whatever is played, so that frames compare.

    Args:
        draw: `PIL.ImageDraw.ImageDraw` of the image.
        box: left, top, right, bottom in pixels.
        pitches: (L,) MIDI numbers so far; those that no piano has are left out.
        steps: T >= L, the whole width.
        font: of the names of the octaves.
        colours: "rule" of the lines, "label" of the names, "note" of the bars.
    """
    left, top, right, bottom = box
    left += LABELS
    height, width = (bottom - top) / KEYS, (right - left) / steps

    def above(pitch: float) -> float:
        return bottom - (pitch - LOWEST) * height

    for octave in range(24, HIGHEST + 1, 12):
        draw.line((left, above(octave), right, above(octave)), fill=colours["rule"])
        draw.text((left - LABELS, above(octave)), note_name(octave), font=font, fill=colours["label"], anchor="lm")
    for note in held_notes(pitches.tolist()):
        if LOWEST <= note.pitch <= HIGHEST:
            begin, end = left + note.start * width, left + (note.start + note.steps) * width
            # The gap tells two notes apart, the added pixel keeps a key visible.
            shape = (
                round(begin),
                round(above(note.pitch + 1)) - 1,
                max(round(begin), round(end) - 2),
                round(above(note.pitch)),
            )
            draw.rectangle(shape, fill=colours["note"])


def melody_of(task: Any, tokens: IntArray) -> IntArray:
    """The pitches (L,) of the tokens (T,) of a task with pitches, up to the first blank or end token."""
    vocabulary = task.vocabulary
    ends = np.flatnonzero(
        (tokens == vocabulary.blank_id) | (tokens == (-1 if vocabulary.eos_id is None else vocabulary.eos_id))
    )
    melody: IntArray = task.pitches[tokens[: ends[0] if len(ends) else None]]
    return melody
