"""Corpora of a user's own: what becomes of the texts, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import textgen_env
from textgen_env.corpora import corpus as corpus_module
from textgen_env.tasks.corpus import CorpusTask
from textgen_env.tasks.speeches import SpeechesTask
from textgen_env.testing import check_task
from textgen_env.tokenization.sentences import sentences_of
from textgen_env.vocabulary import Texts

TEXTS = ["a dog runs .", "a cat sleeps .", "the dog sleeps .", "the cat runs .", "a dog sleeps ."]


def decoded(task: CorpusTask, texts: Texts) -> list[str]:
    return [task.vocabulary.decode(tokens) for tokens in texts.tokens]


def test_every_text_is_in_one_part_and_reads_as_written() -> None:
    task = CorpusTask(texts=TEXTS, test_size=2)
    train, test = decoded(task, task.training_sequences()), decoded(task, task.test_sequences())
    assert sorted(train + test) == sorted(text.replace(" .", ".") for text in TEXTS)
    assert (len(train), len(test)) == (3, 2)
    check_task(task)


def test_the_vocabulary_is_of_the_training_part_by_frequency() -> None:
    task = CorpusTask(texts=["b a", "b c", "b a d"], test_path=None, test_size=1, seed=1)
    train = decoded(task, task.training_sequences())
    counts = {word: sum(text.split().count(word) for text in train) for text in train for word in text.split()}
    expected = ["<eos>", "<unk>", *sorted(counts, key=lambda word: (-counts[word], word))]
    assert task.vocabulary.tokens == tuple(expected)
    dropped = CorpusTask(texts=["b a", "b c", "b c a", "b a d"], test_size=1, seed=1, unknown="drop")
    assert dropped.vocabulary.tokens[:2] == ("<eos>", "b")


def test_a_cap_and_a_floor() -> None:
    texts = [f"x y {word}" for word in ("p", "q", "r", "s", "t")] + ["x y y"]
    task = CorpusTask(texts=texts, test_size=1, min_count=2)
    assert task.vocabulary.tokens == ("<eos>", "<unk>", "x", "y") or task.vocabulary.tokens[2:] == ("y", "x")
    assert "<unk>" in decoded(task, task.training_sequences())[0]
    assert len(CorpusTask(texts=texts, test_size=1, vocab_size=3).vocabulary) == 3
    often = ["y x", "y y x", "x y x", "x x y", "x x", "y y"]
    kept = CorpusTask(texts=[*texts, *often], test_size=0.5, min_count=2, unknown="drop", max_length=9)
    assert set(kept.vocabulary.tokens) == {"<eos>", "x", "y"}
    both = (kept.report.training, kept.report.test)
    assert sum(part.dropped["unknown tokens"] for part in both) == 5
    assert sum(part.kept for part in both) == 7


def test_the_report_adds_up(tmp_path: Path) -> None:
    first = ["a b", "", "a b", "c d e f g", " a  b ", "h", "a <unk>", "c"]
    (tmp_path / "train.txt").write_text("\n".join(first) + "\n", encoding="utf-8")
    (tmp_path / "test.txt").write_text("a b\nc h\nz\n\nc h\n", encoding="utf-8")
    arguments = {"path": str(tmp_path / "train.txt"), "test_path": str(tmp_path / "test.txt"), "max_length": 4}
    task = CorpusTask(**arguments, tokenization={"name": "word", "punctuation": "attached"})
    told = task.report.training
    assert told.read == 8
    assert dict(told.dropped) == {"empty": 1, "repeated": 2, "unknown tokens": 0, "too long": 1}
    assert told.kept == 4 == len(task.training_sequences().tokens)
    # "<unk>" in a text that has been cut by others is an unknown token.
    assert (told.tokens, told.unknown_tokens) == (6, 1)
    assert told.lengths[100] == 6
    assert told.lengths[0] == 2
    test = task.report.test
    assert dict(test.dropped) == {
        "empty": 1,
        "repeated": 1,
        "in the training part": 1,
        "unknown tokens": 0,
        "too long": 0,
    }
    assert decoded(task, task.test_sequences()) == ["c h", "<unk>"]
    assert (test.tokens, test.unknown_tokens) == (3, 1)
    assert "V = 10 tokens, T = 4 (given)" in str(task.report)
    assert "dropped: in the training part" in str(task.report)
    assert "1 (16.67%)" in str(task.report)


def test_long_texts_are_dropped_or_cut() -> None:
    texts = ["a b c d e f", "a b", "c d", "e f", "b c"]
    cut = CorpusTask(texts=texts, test_size=1, max_length=3, too_long="cut")
    assert cut.report.training.cut + cut.report.test.cut == 1
    both = [*decoded(cut, cut.training_sequences()), *decoded(cut, cut.test_sequences())]
    assert "a b c" in both
    longest = np.concatenate([cut.training_sequences().tokens, cut.test_sequences().tokens])[both.index("a b c")]
    assert cut.vocabulary.eos_id not in longest
    check_task(cut)
    dropped = CorpusTask(texts=texts, test_size=1, max_length=3)
    assert max(map(len, decoded(dropped, dropped.training_sequences()))) == 3


def test_the_horizon_fits_the_share_that_is_asked_for() -> None:
    texts = [" ".join(["w"] * n) for n in range(1, 21)]
    task = CorpusTask(texts=texts, test_path=None, test_size=1, coverage=0.5)
    lengths = sorted(task.report.training.lengths.values())
    fitting = len(task.training_sequences().tokens)
    assert fitting == 10
    assert lengths[0] <= task.max_length <= lengths[-1]
    assert CorpusTask(texts=texts, test_size=1, coverage=1.0).report.training.dropped["too long"] == 0
    assert f"T = {task.max_length} (the least that fits 50% of the training texts)" in str(task.report)


def test_test_texts_are_none_of_the_training_part_even_where_they_are_written_otherwise() -> None:
    nouns = ("dog", "cat", "bird", "fish", "cow", "horse", "mouse", "hen")
    texts = [f"{article} {noun}" for noun in nouns for article in ("A", "a")]
    task = CorpusTask(texts=texts, test_size=0.4, tokenization={"name": "word", "lowercase": True})
    told = task.report
    assert told.training.kept + told.test.kept == len(nouns)
    train, test = set(decoded(task, task.training_sequences())), set(decoded(task, task.test_sequences()))
    assert not train & test
    again = (
        told.training.dropped["repeated"] + told.test.dropped["repeated"] + told.test.dropped["in the training part"]
    )
    assert told.test.dropped["in the training part"] > 0
    assert again == len(texts) - len(nouns)


WORDS = st.text(st.sampled_from("ab é中😀\u0301'."), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=4, max_size=12, unique=True), st.sampled_from(["word", "character"]), st.integers(0, 9))
def test_texts_of_any_script_are_texts_of_the_vocabulary(texts: list[str], tokenization: str, seed: int) -> None:
    # Texts that are none, and one that is in both parts as another, are left out: so that some are left in each.
    arguments = {"texts": ["ab", "b a", *texts], "tokenization": tokenization, "max_length": 20, "test_size": 0.5}
    try:
        task = CorpusTask(**arguments, seed=seed)
    except ValueError as error:
        if "no test text is left" in str(error):
            return
        raise
    check_task(task, texts=4)
    same = CorpusTask(**arguments, seed=seed)
    assert same.vocabulary == task.vocabulary
    assert np.array_equal(same.training_sequences().tokens, task.training_sequences().tokens)


@pytest.mark.parametrize("tokenization", ["word", "character", {"name": "subword", "vocab_size": 60}])
def test_a_file_and_its_texts_are_the_same_game(tokenization: object, tmp_path: Path) -> None:
    texts = [f"{a} {b} {c}." for a in ("the", "a") for b in ("dog", "cat") for c in ("runs", "sleeps", "eats")]
    (tmp_path / "a.txt").write_text("\n".join(texts), encoding="utf-8")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("\n".join(texts).encode()))
    made = [
        CorpusTask(path=str(tmp_path / "a.txt"), tokenization=tokenization),
        CorpusTask(path=str(tmp_path / "a.txt.gz"), tokenization=tokenization),
        CorpusTask(texts=iter(texts), tokenization=tokenization),
    ]
    for other in made[1:]:
        assert other.vocabulary == made[0].vocabulary
        assert np.array_equal(other.training_sequences().tokens, made[0].training_sequences().tokens)
        assert other.report == made[0].report


def test_large_corpora_are_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpus_module, "LEAST_KEPT", 10)
    path = tmp_path / "a.txt"
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    for tokenization in ("word", {"name": "subword", "vocab_size": 30}):
        first = CorpusTask(str(path), tokenization=tokenization, max_length=40)
        (kept,) = (tmp_path / "cache" / "corpora").iterdir()
        with monkeypatch.context() as patched:
            patched.setattr(corpus_module, "_made", None)  # it would be called if nothing were kept
            again = CorpusTask(str(path), tokenization=tokenization, max_length=40)
        assert (again.vocabulary, again.report) == (first.vocabulary, first.report)
        assert np.array_equal(again.training_sequences().tokens, first.training_sequences().tokens)
        # What is damaged is made anew.
        for content in (b"", kept.read_bytes()[:-40], b"\0" * 300):
            kept.write_bytes(content)
            assert CorpusTask(str(path), tokenization=tokenization, max_length=40).report == first.report
        kept.unlink()
    CorpusTask(str(path), cache=False)
    assert not list((tmp_path / "cache" / "corpora").iterdir())
    # Another content, another entry.
    CorpusTask(str(path))
    path.write_text("\n".join([*TEXTS, "a bird sings ."]), encoding="utf-8")
    CorpusTask(str(path))
    CorpusTask(str(path), seed=1)
    assert len(list((tmp_path / "cache" / "corpora").iterdir())) == 3


def test_without_a_cache_folder_everything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(corpus_module, "LEAST_KEPT", 1)
    assert CorpusTask(texts=TEXTS).report.training.kept == 4
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, ValueError, "path and texts: got neither; give one"),
        ({"path": "a.txt", "texts": TEXTS}, ValueError, "path and texts: got both; give one"),
        ({"path": "no_such.txt"}, FileNotFoundError, "path='no_such.txt': no such file, seen from"),
        ({"path": "."}, ValueError, r"path='\.' must end with one of \.txt"),
        ({"texts": "one text"}, TypeError, "texts='one text' must be an iterable of strings, got str"),
        ({"texts": 3}, TypeError, "texts=3 must be an iterable of strings, got int"),
        ({"texts": ["a", None]}, TypeError, r"texts\[1\]=None must be a string, got NoneType"),
        (
            {"texts": ["a", "b\ud800"]},
            ValueError,
            r"texts\[1\] holds '\\ud800' at character 1, which is half of a pair",
        ),
        ({"texts": []}, ValueError, "texts holds no text; a training part and a test part need at least two"),
        ({"texts": ["a", "a"]}, ValueError, "texts holds one text alone"),
        ({"texts": ["", " "]}, ValueError, "texts holds no text"),
        ({"texts": TEXTS, "test_size": 5}, ValueError, "test_size=5 of the 5 different texts of texts leaves none"),
        ({"texts": TEXTS, "test_size": 1.0}, ValueError, "test_size=1.0 leaves no training texts"),
        ({"texts": TEXTS, "test_size": 0}, ValueError, "test_size=0 must be a whole number >= 1"),
        ({"texts": TEXTS, "test_size": -0.5}, ValueError, "test_size=-0.5 must be above 0"),
        ({"texts": TEXTS, "seed": -1}, ValueError, "seed=-1 must be a whole number >= 0"),
        ({"texts": TEXTS, "field": "text"}, ValueError, "field='text', .* texts are given as they are"),
        ({"texts": TEXTS, "min_count": 9}, ValueError, "min_count=9, vocab_size=None: no token is left.*smaller min_c"),
        ({"texts": TEXTS, "vocab_size": 2}, ValueError, "vocab_size=2 must be a whole number >= 3"),
        ({"texts": TEXTS, "unknown": "keep"}, ValueError, "unknown='keep' must be one of 'replace', 'drop'"),
        ({"texts": TEXTS, "max_length": 1}, ValueError, "max_length=1 must be a whole number >= 2"),
        (
            {"texts": TEXTS, "max_length": 2},
            ValueError,
            r"no training text is left of 4 \(left out: 4 too long\); loosen",
        ),
        ({"texts": TEXTS, "coverage": 0}, ValueError, "coverage=0 must be above 0"),
        ({"texts": TEXTS, "too_long": "keep"}, ValueError, "too_long='keep' must be one of 'drop', 'cut'"),
        ({"texts": TEXTS, "tokenization": "bpe"}, ValueError, "tokenization='bpe' must be one of word, character, sub"),
        ({"texts": TEXTS, "cache": "yes"}, TypeError, "cache='yes' must be True or False"),
        (
            {"texts": TEXTS, "tokenization": "subword", "min_count": 2},
            ValueError,
            r"this tokenization has its \d+ pieces fixed; leave both at their defaults",
        ),
    ],
)
def test_what_is_refused(arguments: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        CorpusTask(**arguments)


def test_files_without_texts_are_refused(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty.txt", tmp_path / "full.txt"
    empty.write_text("\n \n")
    full.write_text("a b\nc d\n")
    with pytest.raises(ValueError, match=r"path='.*empty\.txt' holds no text; a training part and a test part"):
        CorpusTask(str(empty))
    with pytest.raises(ValueError, match=r"path='.*empty\.txt' holds no text; give a file of texts"):
        CorpusTask(str(empty), test_path=str(full))
    with pytest.raises(ValueError, match=r"test_path='.*empty\.txt' holds no text; give a file of texts"):
        CorpusTask(str(full), test_path=str(empty))
    with pytest.raises(ValueError, match=r"no test text is left of 2 \(left out: 2 in the training part\)"):
        CorpusTask(str(full), test_path=str(full))


def test_the_id_takes_a_file_and_keeps_its_spec_plain(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": "{text}"}}\n' for text in TEXTS), encoding="utf-8")
    env = gymnasium.make("TextGen-Corpus-v0", path=str(path), field="text", tokenization={"name": "word"})
    assert str(path) in env.spec.to_json()
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.task.report == env.unwrapped.task.report
    texts = env.unwrapped.task.training_sequences()
    assert (env.unwrapped.score(texts.tokens, texts.lengths) == 1.0).all()
    assert "needs an argument: path='reviews.txt', or texts=" in textgen_env.describe("TextGen-Corpus-v0")


def test_captions_of_people_read_as_they_were_written(data_dir: Path) -> None:
    path = data_dir / "captions_train.txt"
    task = CorpusTask(str(path), coverage=1.0)
    assert task.report.training.read + task.report.test.read == 10_000
    written = {" ".join(line.split()) for line in path.read_text(encoding="utf-8").splitlines()}
    train = decoded(task, task.training_sequences())
    assert sum(text in written for text in train) / len(train) > 0.98


def test_sentences_of_speeches(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_DATA", str(data_dir))
    task = SpeechesTask()
    assert (len(task.vocabulary), task.max_length, task.report.training.kept) == (4638, 30, 7418)
    check_task(task, texts=8)
    paragraphs = SpeechesTask(unit="paragraph", too_long="cut", max_length=20)
    assert paragraphs.report.training.kept > 1_500
    with pytest.raises(ValueError, match="unit='verse' must be one of 'sentence', 'paragraph'"):
        SpeechesTask(unit="verse")  # type: ignore[arg-type]


def test_sentences_end_at_marks() -> None:
    paragraph = 'We go. "Do we?" he said. (He did.) Yes... no! 3.50 each, e.g. here. 我们走。好！'
    assert sentences_of(paragraph) == [
        "We go.",
        '"Do we?" he said.',
        "(He did.)",
        "Yes... no!",
        "3.50 each, e.g. here.",
        "我们走。",
        "好！",
    ]
