"""Music: melodies of folk tunes as pitches, one of the SeqGAN paper's three real worlds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_at_least
from textgen_env.data.folders import data_path
from textgen_env.tasks.base import BaseTask
from textgen_env.tasks.pitches import KEYS, LOWEST, NAMES
from textgen_env.vocabulary import IntArray, Texts, Vocabulary

SPLITS = {"train": "traindata", "validation": "validdata", "test": "testdata"}
"""Split -> the variable of the file that holds its tunes."""


class MusicTask(BaseTask):
    """Melodies of British and American folk tunes, T pitches of the 88 keys of a piano, without an end token.

    ## Description
    "D5 D5 F#5 A5 ...": a token is the key that sounds at one step, by its name; a step is an eighth note. Token 0 is
    the lowest key of the piano, A0, token 87 the highest, C8 (`pitches` has the MIDI numbers). A key that is repeated
    or held is the same token again: the data do not tell one from the other.

    Yu et al. (2017, "SeqGAN", section 6) write 32 pitches of their own sampling of the same tunes, every 0.4 s, and
    measure by BLEU-4 and by the mean squared error of the pitches; `max_length=32` is their length. BLEU alone does not
    make music here: a single key, held throughout, is found in the training data and earns 1.0, more than the melodies
    of the test data do, 0.96; agents that learn on it alone find that key.

    ## Data
    The named data "music" (`python -m textgen_env.data list`): the Nottingham tunes as piano rolls, split as
    Boulanger-Lewandowski et al. (2012, "Modeling Temporal Dependencies in High-Dimensional Sequences") split them: 694
    to learn from, 173 for validation, 170 for the test. The melody is the highest key that sounds at each step. Steps
    of silence, 0.3% of them, hold the key before; those before the first key are left out. Each tune is cut, from its
    beginning, into windows of `max_length` steps that do not overlap, and its rest is left out. Windows for validation
    and test that are in the training data, too, are dropped. With 20 steps there are 8,394, 2,119 and 2,061 windows;
    with 32 there are 5,353, 1,351 and 1,309.

    Args:
        max_length: T, steps of a window.
        train_size: windows to learn from, taken evenly from all tunes; None for all.

    Attributes:
        pitches: (88,) int64 MIDI number of each token.

    Raises:
        textgen_env.data.MissingData: the data are not on this machine.
        textgen_env.files.UnreadableFile: they are, and differ from what they should be.
        ImportError: scipy is not installed.
        TypeError: an argument that is not a whole number.
        ValueError: `max_length` < 1, or so that a split has no window of its own; a `train_size` < 1, or larger than
            there are windows.
    """

    def __init__(self, max_length: int = 20, train_size: int | None = None) -> None:
        self.max_length = check_at_least("max_length", max_length)
        if train_size is not None:
            check_at_least("train_size", train_size)
        self.vocabulary = Vocabulary(NAMES)
        self.pitches: IntArray = np.arange(LOWEST, LOWEST + KEYS)
        tunes = read_tunes(data_path("music"))
        found = {split: windows([melody(roll) for roll in rolls], self.max_length) for split, rolls in tunes.items()}
        known = {row.tobytes() for row in found["train"]}
        self._windows = {"train": found["train"]}
        for split in ("validation", "test"):
            own = [row.tobytes() not in known for row in found[split]]
            self._windows[split] = found[split][np.array(own, np.bool_)]
        for split, each in self._windows.items():
            if not len(each):
                longest = min(max(map(len, rolls)) for rolls in tunes.values())
                raise ValueError(
                    f"max_length={max_length!r} leaves no {split} windows; the tunes have up to {longest} steps, and "
                    "windows that are in the training data, as short ones are, count as theirs: 20 or 32 are usual"
                )
        if train_size is not None:
            count = len(self._windows["train"])
            if train_size > count:
                raise ValueError(f"train_size={train_size!r} is more than the {count} windows there are; ask for fewer")
            self._windows["train"] = self._windows["train"][np.arange(train_size) * count // train_size]

    def training_sequences(self) -> Texts:
        """(N, T) windows to learn from."""
        return self._texts("train")

    def validation_sequences(self) -> Texts:
        """(N, T) windows of further tunes, to choose by."""
        return self._texts("validation")

    def test_sequences(self) -> Texts:
        """(N, T) windows of further tunes, to measure by."""
        return self._texts("test")

    def _texts(self, split: str) -> Texts:
        found = self._windows[split]
        return Texts(found.copy(), np.full(len(found), self.max_length))


def read_tunes(path: Path) -> dict[str, list[NDArray[np.uint8]]]:
    """Split -> the piano rolls of its tunes, each (steps, 88), 1 where a key sounds.

    Raises:
        ImportError: scipy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ImportError('the music task needs scipy; install it with: pip install "textgen-env[text]"') from None
    content = loadmat(path, variable_names=list(SPLITS.values()))
    return {split: [np.asarray(roll, np.uint8) for roll in content[name].ravel()] for split, name in SPLITS.items()}


def melody(roll: NDArray[np.uint8]) -> IntArray:
    """The highest key that sounds at each step of a piano roll (steps, 88), from the first that does, as (L,) int64 of
    0 .. 87; where none sounds, the one before."""
    sounds = roll.any(1)
    highest = roll.shape[1] - 1 - roll[:, ::-1].argmax(1)
    last = np.maximum.accumulate(np.where(sounds, np.arange(len(roll)), -1))
    held: IntArray = highest[last[last >= 0]].astype(np.int64)
    return held


def windows(melodies: Sequence[IntArray], length: int) -> IntArray:
    """(N, length) int64: each melody cut from its beginning, its rest left out."""
    cut = [each[: len(each) // length * length].reshape(-1, length) for each in melodies]
    return np.concatenate([np.empty((0, length), np.int64), *cut])
