import re
import sys

import num2words
import numpy as np
import pytest

from textgen_env.tasks.base import Task
from textgen_env.tasks.number_words import NumberWordsTask, in_pieces


@pytest.fixture(scope="module")
def task() -> NumberWordsTask:
    return NumberWordsTask()


def test_every_number_is_spelt_as_num2words_spells_it(task: NumberWordsTask) -> None:
    texts = task.references()
    assert np.array_equal(texts.sources, np.arange(10_000))
    for number, row in enumerate(texts.tokens.tolist()):
        expected = num2words.num2words(number, lang="fr")
        assert task.vocabulary.decode(row) == expected
        assert "".join(task.vocabulary.tokens[i] for i in row[: row.index(0)]) == expected


@pytest.mark.parametrize("language", ["en", "es", "ar", "vi", "te", "sl", "da", "de", "it", "fi", "ja", "th", "pt_BR"])
def test_other_languages_are_spelt_as_num2words_spells_them(language: str) -> None:
    task = NumberWordsTask(language, max_number=1_099)
    for number, row in enumerate(task.references().tokens.tolist()):
        assert task.vocabulary.decode(row) == num2words.num2words(number, lang=language).strip()


def test_texts_are_cut_before_spaces_and_hyphens(task: NumberWordsTask) -> None:
    row = task.references().tokens[4097]
    pieces = [task.vocabulary.tokens[i] for i in row if i < len(task.vocabulary)]
    assert pieces == ["quatre", " mille", " quatre", "-vingt", "-dix", "-sept", "<eos>"]
    assert in_pieces("one thousand, two - three") == ["one", " thousand,", " two", " ", "-", " three"]
    assert in_pieces("zero") == ["zero"]
    # A prefix or an agent's text may begin with a piece that carries a space.
    assert task.vocabulary.decode(task.vocabulary.encode([" mille", " quatre"])) == "mille quatre"


@pytest.mark.parametrize(
    ("language", "by_character"),
    [("de", True), ("it", True), ("ja", True), ("nl", True), ("hu", True), ("fr", False), ("en", False), ("da", False)],
)
@pytest.mark.parametrize("max_number", [20, 1_500])
def test_languages_without_separators_are_written_by_character(
    language: str, by_character: bool, max_number: int
) -> None:
    tokens = NumberWordsTask(language, max_number).vocabulary.tokens[1:]
    assert all(len(token) == 1 for token in tokens) == by_character


def test_sources_are_the_digits(task: NumberWordsTask) -> None:
    table = task.sources
    assert table.tokens.shape == (10_000, 4)
    assert table.tokens.dtype == np.int64
    assert table.vocabulary.tokens == tuple("0123456789")
    assert table.tokens[[0, 7, 40, 305, 9_999]].tolist() == [
        [0, 10, 10, 10],
        [7, 10, 10, 10],
        [4, 0, 10, 10],
        [3, 0, 5, 10],
        [9, 9, 9, 9],
    ]
    assert [int(table.vocabulary.decode(row)) for row in table.tokens.tolist()] == list(range(10_000))


def test_texts_end_with_the_end_token_and_are_padded_with_the_blank(task: NumberWordsTask) -> None:
    assert isinstance(task, Task)
    assert task.vocabulary.tokens[0] == "<eos>"
    assert list(task.vocabulary.tokens[1:]) == sorted(task.vocabulary.tokens[1:])
    texts = task.references()
    places = np.arange(task.max_length)
    assert texts.tokens.dtype == texts.lengths.dtype == np.int64
    assert np.array_equal(texts.tokens == 0, places == texts.lengths[:, None] - 1)
    assert np.array_equal(texts.tokens == task.vocabulary.blank_id, places >= texts.lengths[:, None])
    assert texts.lengths.max() == task.max_length


def test_splits_share_no_number_and_hold_them_all(task: NumberWordsTask) -> None:
    splits = [task.training_sequences(), task.validation_sequences(), task.test_sequences()]
    assert [len(texts.tokens) for texts in splits] == [8_000, 1_000, 1_000]
    assert sorted(np.concatenate([texts.sources for texts in splits])) == list(range(10_000))
    every = task.references()
    for texts in splits:
        assert np.array_equal(texts.tokens, every.tokens[texts.sources])
        assert np.array_equal(texts.lengths, every.lengths[texts.sources])


def test_the_pool_is_the_split_that_is_played(task: NumberWordsTask) -> None:
    assert np.array_equal(task.sources.pool, task.training_sequences().sources)
    for split, texts in [("validation", task.validation_sequences()), ("test", task.test_sequences())]:
        played = NumberWordsTask(split=split)
        assert np.array_equal(played.sources.pool, texts.sources)
        assert np.array_equal(played.training_sequences().sources, task.training_sequences().sources)
    assert np.array_equal(NumberWordsTask(split="all").sources.pool, np.arange(10_000))


def test_fewer_numbers_to_learn_from_are_the_first_of_them(task: NumberWordsTask) -> None:
    few = NumberWordsTask(train_size=300)
    assert np.array_equal(few.training_sequences().sources, task.training_sequences().sources[:300])
    assert np.array_equal(few.sources.pool, few.training_sequences().sources)
    assert (few.train_size, task.train_size) == (300, 8_000)
    for split in ("validation_sequences", "test_sequences", "references"):
        assert np.array_equal(getattr(few, split)().sources, getattr(task, split)().sources)
    assert few.vocabulary == task.vocabulary


def test_the_vocabulary_depends_on_neither_split_nor_seed(task: NumberWordsTask) -> None:
    other = NumberWordsTask(split="test", seed=3)
    assert other.vocabulary == task.vocabulary
    assert np.array_equal(other.references().tokens, task.references().tokens)
    assert not np.array_equal(np.sort(other.sources.pool), np.sort(task.test_sequences().sources))


def test_the_same_arguments_give_the_same_data(task: NumberWordsTask) -> None:
    again = NumberWordsTask()
    assert np.array_equal(again.sources.pool, task.sources.pool)
    again.references().tokens[:] = 0
    again.training_sequences().sources[:] = 0
    again._tokens[:] = 0  # its own, not what is kept for the next construction
    assert np.array_equal(NumberWordsTask().references().tokens, task.references().tokens)


def test_a_longer_horizon_is_filled_with_blanks(task: NumberWordsTask) -> None:
    longer = NumberWordsTask(max_length=task.max_length + 3)
    assert longer.max_length == task.max_length + 3
    assert np.array_equal(longer.references().tokens[:, : task.max_length], task.references().tokens)
    assert (longer.references().tokens[:, task.max_length :] == task.vocabulary.blank_id).all()


def test_ten_numbers_are_enough() -> None:
    smallest = NumberWordsTask(max_number=9)
    sizes = [len(t.tokens) for t in (smallest.training_sequences(), smallest.validation_sequences())]
    assert sizes == [8, 1]
    assert smallest.sources.tokens.tolist() == [[digit] for digit in range(10)]


def test_a_horizon_too_short_for_the_longest_number_is_refused(task: NumberWordsTask) -> None:
    with pytest.raises(ValueError, match=f"max_length=5 is too short.* at least {task.max_length}"):
        NumberWordsTask(max_length=5)
    with pytest.raises(ValueError, match="max_length=0"):
        NumberWordsTask(max_length=0)
    with pytest.raises(TypeError, match=r"max_length=9\.0"):
        NumberWordsTask(max_length=9.0)


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="language='klingon' is unknown") as caught:
        NumberWordsTask("klingon")
    assert set(re.findall(r"'(\w+)'", str(caught.value))) == {"klingon", *num2words.CONVERTER_CLASSES}


def test_numbers_beyond_a_languages_reach_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot spell 1100 in language 'am'.*max_number < 1100"):
        NumberWordsTask("am", max_number=2_000)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"split": "dev"}, ValueError, "split='dev' must be one of .*validation"),
        ({"max_number": 8}, ValueError, "max_number=8 must be a whole number >= 9"),
        ({"max_number": 99.0}, TypeError, "max_number=99.0"),
        ({"train_size": 8_001}, ValueError, "train_size=8001 must be a whole number from 1 to 8000"),
        ({"train_size": 0}, ValueError, "train_size=0"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"seed": None}, TypeError, "seed=None"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        NumberWordsTask(**kwargs)


def test_without_num2words_one_is_told_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "num2words", None)
    with pytest.raises(ImportError, match=re.escape('pip install "textgen-env[text]"')):
        NumberWordsTask()
