"""MIDI files: read back by mido."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from textgen_env.rendering.midi import TICKS, write_midi
from textgen_env.tasks.pitches import Note, held_notes

mido = pytest.importorskip("mido")


def read(path: Path) -> list[tuple[float, float, int]]:
    """When each note begins and ends, in seconds, and its number."""
    now, begun, notes = 0.0, 0.0, []
    for message in mido.MidiFile(str(path)):
        now += message.time
        if message.type == "note_on":
            begun = now
        elif message.type == "note_off":
            notes.append((round(begun, 6), round(now, 6), message.note))
    return notes


def test_repeated_steps_are_one_note(tmp_path: Path) -> None:
    assert held_notes([]) == []
    assert held_notes(np.array([60, 60, 62, 60])) == [Note(0, 2, 60), Note(2, 1, 62), Note(3, 1, 60)]
    write_midi(tmp_path / "a.mid", [60, 60, 62, 60], seconds=0.4)
    assert read(tmp_path / "a.mid") == [(0.0, 0.8, 60), (0.8, 1.2, 62), (1.2, 1.6, 60)]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_written_is_what_is_heard(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    melody = rng.integers(0, 128, rng.integers(1, 40))
    seconds = float(rng.uniform(0.05, 2))
    write_midi(tmp_path / "b.mid", melody, seconds, velocity=int(rng.integers(1, 128)))
    sounding = np.concatenate(
        [[pitch] * round((end - begin) / seconds) for begin, end, pitch in read(tmp_path / "b.mid")]
    )
    assert sounding.tolist() == melody.tolist()
    assert mido.MidiFile(str(tmp_path / "b.mid")).ticks_per_beat == TICKS
    assert [path.name for path in tmp_path.iterdir()] == ["b.mid"]


def test_what_cannot_be_played_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.mid"
    for bad in ([], [128], [-1], [60.5], [[60]], ["C4"]):
        with pytest.raises(ValueError, match=r"pitches=.* must be one melody: whole numbers from 0 to 127"):
            write_midi(path, bad)
    for seconds in (0, 17.0, float("nan")):
        with pytest.raises(ValueError, match="seconds="):
            write_midi(path, [60], seconds)
    with pytest.raises(ValueError, match="velocity=0 must be a whole number"):
        write_midi(path, [60], velocity=0)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_midi(tmp_path, [60])
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(ImportError, match=r'pip install "textgen-env\[text\]"'):
        write_midi(path, [60])
    assert not list(tmp_path.iterdir())
