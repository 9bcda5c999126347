"""Music: melodies of piano rolls, cut into windows; of tunes of a test's own, and of the real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from support.named_data import empty_folders, given
from textgen_env.data import MissingData
from textgen_env.tasks.music import MusicTask, melody, read_tunes, windows
from textgen_env.tasks.pitches import NAMES, HasPitches, note_name, pitches_of
from textgen_env.testing import check_task

scipy_io = pytest.importorskip("scipy.io")


def roll(*chords: tuple[int, ...]) -> np.ndarray:
    """A piano roll of the keys that sound at each step."""
    made = np.zeros((len(chords), 88), np.uint8)
    for step, keys in enumerate(chords):
        made[step, list(keys)] = 1
    return made


def drawn(seed: int, count: int, steps: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [roll(*((int(key), int(key) - 12) for key in rng.integers(30, 70, steps))) for _ in range(count)]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[np.ndarray]]:
    """Tunes of 13 steps; one of the test is in the training data, too."""
    tunes = {"traindata": drawn(0, 5, 13), "validdata": drawn(1, 3, 13), "testdata": drawn(2, 2, 13)}
    tunes["testdata"].append(tunes["traindata"][1])
    content = {}
    for name, rolls in tunes.items():
        content[name] = np.empty((1, len(rolls)), object)
        content[name][0] = [*rolls]
    scipy_io.savemat(tmp_path / "tunes.mat", content)
    given(monkeypatch, "music", tmp_path / "tunes.mat")
    return tunes


@pytest.fixture
def real(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_DATA", str(data_dir))


def test_the_highest_key_is_the_melody() -> None:
    assert melody(roll((3, 40), (41,), (87, 0), (0,))).tolist() == [40, 41, 87, 0]


def test_silence_holds_the_key_before_and_is_left_out_at_the_beginning() -> None:
    assert melody(roll((), (), (5,), (), (), (7, 2), ())).tolist() == [5, 5, 5, 7, 7]
    assert melody(roll((), ())).tolist() == []
    rng = np.random.default_rng(0)
    for _ in range(20):
        made = (rng.random((30, 88)) < 0.01).astype(np.uint8)
        expected, last = [], None
        for step in made:
            last = int(np.flatnonzero(step).max()) if step.any() else last
            expected += [] if last is None else [last]
        assert melody(made).tolist() == expected


def test_windows_do_not_overlap_or_span_tunes() -> None:
    cut = windows([np.arange(7), np.arange(10, 12), np.arange(20, 26)], 3)
    assert cut.tolist() == [[0, 1, 2], [3, 4, 5], [20, 21, 22], [23, 24, 25]]
    assert windows([np.arange(2)], 3).shape == (0, 3)


def test_the_splits_are_the_files_own(small: dict[str, list[np.ndarray]]) -> None:
    task = MusicTask(max_length=4)
    check_task(task)
    assert isinstance(task, HasPitches)
    training, validation, test = task.training_sequences(), task.validation_sequences(), task.test_sequences()
    expected = np.concatenate([melody(each)[:12].reshape(3, 4) for each in small["traindata"]])
    np.testing.assert_array_equal(training.tokens, expected)
    assert (len(validation.tokens), len(test.tokens)) == (9, 6)
    assert training.lengths.tolist() == [4] * 15
    assert (len(task.vocabulary), task.vocabulary.eos_id) == (88, None)
    assert task.vocabulary.decode(training.tokens[0]) == " ".join(note_name(21 + key) for key in expected[0])
    np.testing.assert_array_equal(task.pitches[training.tokens], training.tokens + 21)


def test_fewer_windows_are_taken_evenly(small: dict[str, list[np.ndarray]]) -> None:
    every, some = MusicTask(4).training_sequences().tokens, MusicTask(4, train_size=5).training_sequences().tokens
    np.testing.assert_array_equal(some, every[::3])
    # What is left out is kept out of the other splits all the same.
    np.testing.assert_array_equal(MusicTask(4, 5).test_sequences().tokens, MusicTask(4).test_sequences().tokens)


def test_sizes_that_do_not_fit_are_refused(small: dict[str, list[np.ndarray]]) -> None:
    with pytest.raises(ValueError, match=r"max_length=14 leaves no train windows; the tunes have up to 13 steps"):
        MusicTask(14)
    with pytest.raises(ValueError, match=r"train_size=16 is more than the 15 windows there are; ask for fewer"):
        MusicTask(4, 16)
    for name in ("max_length", "train_size"):
        with pytest.raises(ValueError, match=rf"{name}=0 must be a whole number >= 1"):
            MusicTask(**{name: 0})
        with pytest.raises(TypeError, match=rf"{name}='4' must be a whole number"):
            MusicTask(**{name: "4"})


def test_what_is_missing_is_named(
    small: dict[str, list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "scipy.io", None)
        with pytest.raises(ImportError, match=r'the music task needs scipy; .*pip install "textgen-env\[text\]"'):
            read_tunes(tmp_path / "tunes.mat")
    empty_folders(monkeypatch, tmp_path)
    for id in ("TextGen-Music-v0", "TextGen-MusicGAN-v0"):
        with pytest.raises(MissingData, match="set TEXTGEN_DATA to a folder"):
            gymnasium.make(id)


def test_names_are_those_of_the_piano() -> None:
    assert (len(NAMES), NAMES[0], NAMES[-1]) == (88, "A0", "C8")
    assert [note_name(pitch) for pitch in (60, 61, 69, 59)] == ["C4", "C#4", "A4", "B3"]
    assert pitches_of(NAMES).tolist() == list(range(21, 109))
    for none in ([], ["C4", "man"], ["H4"], ["Db4"], [""], ["C9"]):
        assert pitches_of(none) is None


@pytest.mark.usefixtures("real")
def test_the_real_tunes_are_as_described() -> None:
    game = gymnasium.make("TextGen-Music-v0").unwrapped
    training, validation, test = (
        each().tokens
        for each in (game.task.training_sequences, game.task.validation_sequences, game.task.test_sequences)
    )
    assert (training.shape, validation.shape, test.shape) == ((8_394, 20), (2_119, 20), (2_061, 20))
    assert [len(MusicTask(32)._windows[split]) for split in ("train", "validation", "test")] == [5_353, 1_351, 1_309]
    known = {row.tobytes() for row in training}
    assert not known & {row.tobytes() for row in (*validation, *test)}
    assert game.score(test).mean() == pytest.approx(0.9617, abs=1e-4)
    uniform = np.random.default_rng(0).integers(88, size=(1_000, 20))
    assert game.score(uniform).mean() == pytest.approx(0.060, abs=0.002)
    held = game.score(np.repeat(np.arange(88)[:, None], 20, 1))
    assert held.max() == 1.0
    with pytest.raises(
        ValueError, match="max_length=1500 leaves no validation windows; the tunes have up to 1473 steps"
    ):
        MusicTask(1_500)
