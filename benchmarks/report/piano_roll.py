"""Piano roll of a sample text that consists of notes, for the page."""

from __future__ import annotations

from textgen_env.tasks.pitches import held_notes, note_name, pitches_of

STEP, KEY = 10, 4
"""Pixels a step is wide, and a key high."""
LEAST_KEYS = 13
"""An octave, below which a roll is not flattened."""


def roll_svg(text: str) -> str:
    """An `<svg>` of the notes that a text names, as "D5 D5 F#5"; "" of any other text. It spans the keys that are
    played, an octave at least."""
    melody = pitches_of(text.split())
    if melody is None:
        return ""
    low, high = int(melody.min()), int(melody.max())
    low -= max(0, LEAST_KEYS - (high - low + 1)) // 2
    keys = max(high - low + 1, LEAST_KEYS)
    bars = "".join(
        f'<rect x="{note.start * STEP}" y="{(low + keys - 1 - note.pitch) * KEY}" width="{note.steps * STEP - 1}" '
        f'height="{KEY}" rx="1"><title>{note_name(note.pitch)}</title></rect>'
        for note in held_notes(melody.tolist())
    )
    return (
        f'<svg class="roll" role="img" aria-label="piano roll" viewBox="0 0 {len(melody) * STEP} {keys * KEY}" '
        f'preserveAspectRatio="none">{bars}</svg>'
    )
