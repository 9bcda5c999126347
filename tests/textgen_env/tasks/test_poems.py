"""Poems: what is read, dropped and split; of a file of a test's own, and of the real one."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest

from support.named_data import empty_folders, given
from textgen_env.data import MissingData
from textgen_env.tasks.poems import PoemsTask, distinct_poems, frequent
from textgen_env.testing import check_task

LETTERS = "天地玄黄宇宙洪荒日月盈昃辰宿列张"


def line(letters: str) -> str:
    """A poem as the file has it."""
    lines = [letters[at : at + 5] for at in range(0, 20, 5)]
    return " ".join(letter for part, mark in zip(lines, "，。，。", strict=True) for letter in part + mark) + " "


def drawn(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(LETTERS), 20)) for _ in range(count)]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """30 poems, one of them twice, and two more: one with a character that is lost, one with a rare one."""
    poems = drawn(30)
    lines = [*poems, poems[3], "□" + poems[4][1:], "稀" + poems[5][1:]]
    path = tmp_path / "poems.txt"
    path.write_text("\n".join(map(line, lines)) + "\n", encoding="utf-8")
    given(monkeypatch, "poems", path)
    return poems


@pytest.fixture
def real(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_DATA", str(data_dir))


def test_repeated_lost_and_rare_ones_are_dropped(small: list[str]) -> None:
    task = PoemsTask(test_size=5)
    check_task(task)
    training, test = task.training_sequences(), task.test_sequences()
    written = [task.vocabulary.decode(row) for row in (*training.tokens, *test.tokens)]
    assert sorted(written) == sorted(small)
    assert len(test.tokens) == 5
    assert task.vocabulary.tokens == tuple(sorted(LETTERS))
    assert (task.vocabulary.eos_id, task.vocabulary.separator, task.max_length) == (None, "", 20)
    assert "稀" in PoemsTask(min_count=1, test_size=5).vocabulary.tokens
    assert "□" not in PoemsTask(min_count=1, test_size=5).vocabulary.tokens


def test_the_split_depends_on_the_seed_alone(small: list[str]) -> None:
    one, same, other = (PoemsTask(test_size=5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.test_sequences().tokens, same.test_sequences().tokens)
    assert (one.test_sequences().tokens != other.test_sequences().tokens).any()
    fewer = PoemsTask(test_size=5, train_size=7)
    assert fewer.vocabulary == one.vocabulary
    np.testing.assert_array_equal(fewer.training_sequences().tokens, one.training_sequences().tokens[:7])
    np.testing.assert_array_equal(fewer.test_sequences().tokens, one.test_sequences().tokens)


def test_characters_are_counted_in_distinct_poems() -> None:
    poems = distinct_poems([line("甲" * 10 + "乙" * 10)] * 3 + [line("乙" * 20)])
    assert poems == [("甲",) * 10 + ("乙",) * 10, ("乙",) * 20]
    assert frequent(poems, 11) == [("乙",) * 20]
    assert frequent(poems, 10) == poems
    assert frequent(poems, 31) == []


@pytest.mark.parametrize("bad", ["天 地", line("天" * 20)[:-4], line("天" * 20).replace("天", "天天", 1)])
def test_a_line_of_another_form_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match=r"line 2 of the poems is .*; expected 20 characters parted by spaces"):
        distinct_poems([line("地" * 20), bad])


def test_sizes_that_are_too_large_are_refused(small: list[str]) -> None:
    assert len(PoemsTask(test_size=10, train_size=20).training_sequences().tokens) == 20
    for sizes in ({"test_size": 30}, {"test_size": 10, "train_size": 21}, {}, {"test_size": 5, "min_count": 10_000}):
        with pytest.raises(
            ValueError, match=r"test_size=.* and train_size=.* are more than the (30|0) poems that min_"
        ):
            PoemsTask(**sizes)
    for name in ("min_count", "train_size", "test_size"):
        with pytest.raises(ValueError, match=rf"{name}=0 must be a whole number >= 1"):
            PoemsTask(**{"test_size": 5, name: 0})
        with pytest.raises(TypeError, match=rf"{name}=1.5 must be a whole number"):
            PoemsTask(**{"test_size": 5, name: 1.5})
    with pytest.raises(ValueError, match="seed=-1"):
        PoemsTask(seed=-1)


def test_without_the_data_make_says_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_folders(monkeypatch, tmp_path)
    for id in ("TextGen-Poems-v0", "TextGen-PoemsGAN-v0"):
        with pytest.raises(MissingData, match=r"set TEXTGEN_DATA to .*, or fetch it: python -m textgen_env.data fetch"):
            gymnasium.make(id)


@pytest.mark.usefixtures("real")
def test_the_real_poems_are_as_described() -> None:
    game = gymnasium.make("TextGen-Poems-v0").unwrapped
    training, test = game.task.training_sequences(), game.task.test_sequences()
    assert (len(game.task.vocabulary), training.tokens.shape, test.tokens.shape) == (3_116, (12_416, 20), (1_000, 20))
    assert not {row.tobytes() for row in training.tokens} & {row.tobytes() for row in test.tokens}
    assert game.score(*test).mean() == pytest.approx(0.7491, abs=1e-4)
    uniform = np.random.default_rng(0).integers(3_116, size=(1_000, 20))
    assert game.score(uniform).mean() == pytest.approx(0.184, abs=0.005)
    assert game.reward.max_order == 2
