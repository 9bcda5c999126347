"""MIDI files: melodies to listen to."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np

from textgen_env.checks import check_at_least, check_number
from textgen_env.files import write_whole
from textgen_env.tasks.pitches import held_notes

TICKS = 480
"""Of a step, which is a beat of the file."""
MOST_SECONDS = 16.0
"""A beat's length is kept in 24 bits of microseconds."""


def write_midi(path: str | PathLike[str], pitches: Iterable[int], seconds: float = 0.25, velocity: int = 80) -> None:
    """Writes a melody as a MIDI file of one track, for any player: steps in a row with the same pitch are one note.

        task = env.unwrapped.task
        write_midi("tune.mid", task.pitches[info["tokens"]])

    Args:
        path: of the file; what stands there is replaced.
        pitches: (L,) MIDI numbers, 0 to 127, one a step, L >= 1.
        seconds: that a step takes; 0.25 are 120 quarter notes a minute where a step is an eighth note.
        velocity: of each note, 1 to 127.

    Raises:
        ImportError: mido is not installed.
        TypeError, ValueError: arguments out of range.
        OSError: a file that cannot be written.
    """
    check_number("seconds", seconds, above=0.0, most=MOST_SECONDS)
    check_at_least("velocity", velocity, 1, 127)
    melody = np.asarray(list(pitches))
    if melody.ndim != 1 or not melody.size or melody.dtype.kind not in "iu" or melody.min() < 0 or melody.max() > 127:
        raise ValueError(f"pitches={melody.tolist()!r} must be one melody: whole numbers from 0 to 127, one a step")
    try:
        import mido
    except ImportError:
        raise ImportError('MIDI files need mido; install it with: pip install "textgen-env[text]"') from None
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=max(1, round(seconds * 1e6)))])
    for note in held_notes(melody.tolist()):
        track.append(mido.Message("note_on", note=note.pitch, velocity=int(velocity), time=0))
        track.append(mido.Message("note_off", note=note.pitch, velocity=0, time=note.steps * TICKS))
    file = mido.MidiFile(ticks_per_beat=TICKS, tracks=[track])
    write_whole(Path(path), lambda draft: file.save(str(draft)))
