"""Parallel corpora of a user's own: pairs of every form, several references, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from textgen_env.corpora import parallel as parallel_module
from textgen_env.specs import make_reward
from textgen_env.tasks.parallel import ParallelTask
from textgen_env.testing import check_reward, check_task

NUMBERS = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
PAIRS = [(str(n), NUMBERS[n // 10] + " " + NUMBERS[n % 10]) for n in range(40)]


def pairs_of(task: ParallelTask) -> set[tuple[str, str]]:
    """(source, reference) of all parts, decoded."""
    texts, table = task.references(), task.sources
    return {
        (table.vocabulary.decode(table.tokens[source]), task.vocabulary.decode(tokens))
        for tokens, source in zip(texts.tokens, texts.sources, strict=True)
    }


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_every_form_gives_the_same_game(packed: str, tmp_path: Path) -> None:
    contents = {
        "a.tsv": "".join(f"{source}\t{target}\tby me\n" for source, target in PAIRS),
        "b.csv": "in,out\n" + "".join(f"{source},{target}\n" for source, target in PAIRS),
        "c.jsonl": "".join(json.dumps({"source": source, "target": target}) + "\n" for source, target in PAIRS),
        "d.txt": "".join(f"{source}\n" for source, _ in PAIRS) + "\n",
        "e.txt": "".join(f"{target}\n" for _, target in PAIRS) + "\n",
    }
    for name, content in contents.items():
        raw = content.encode()
        (tmp_path / (name + packed)).write_bytes(gzip.compress(raw) if packed else raw)
    at = {name: str(tmp_path / (name + packed)) for name in contents}
    own = {"source_tokenization": "character", "coverage": 1.0}
    made = [
        ParallelTask(path=at["a.tsv"], **own),
        ParallelTask(path=at["b.csv"], source_field="in", target_field="out", **own),
        ParallelTask(path=at["c.jsonl"], **own),
        ParallelTask(source_path=at["d.txt"], target_path=at["e.txt"], **own),
        ParallelTask(pairs=PAIRS, **own),
    ]
    for task in made:
        assert pairs_of(task) == set(PAIRS)
        assert task.vocabulary == made[0].vocabulary
        assert np.array_equal(task.sources.tokens, made[0].sources.tokens)
        assert task.report == made[0].report
    check_task(made[0])


def test_sources_have_no_end_and_a_vocabulary_of_their_own() -> None:
    task = ParallelTask(pairs=PAIRS, source_tokenization="character", unknown="drop")
    assert set(task.sources.vocabulary.tokens) == set("0123456789")
    assert task.sources.vocabulary.eos_id is None
    assert task.vocabulary.tokens[0] == "<eos>"
    assert task.max_length == 3
    replaced = ParallelTask(pairs=PAIRS, source_tokenization="character")
    assert replaced.sources.vocabulary.tokens[0] == "<unk>"


def test_several_references_are_one_source(tmp_path: Path) -> None:
    own = {"test_size": 1, "source_tokenization": "character", "coverage": 1.0}
    lists = {"ab": ["x y", "y x", "x x y"], "ba": ["x x"], "aab": ["y"], "bba": ["y y"]}
    pairs = [("ab", ["x y", "y x"]), ("ba", "x x"), ("ab", "x y"), ("ab", "x x y"), ("aab", ["y", " "]), ("bba", "y y")]
    task = ParallelTask(pairs=pairs, **own)
    found = pairs_of(task)
    assert found == {(source, target) for source, targets in lists.items() for target in targets}
    assert len(task.sources.tokens) == 4
    told = task.report.targets
    assert told.training.read + told.test.read == 7
    assert told.training.dropped["repeated"] == 1
    score = make_reward("exact_match").bind(task)
    texts = task.references()
    assert (score.score(texts.tokens, texts.lengths, task.sources.take(texts.sources)) == 1.0).all()
    path = tmp_path / "a.jsonl"
    rows = [{"source": source, "target": targets} for source, targets in lists.items()]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert pairs_of(ParallelTask(path=str(path), **own)) == found


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_a_source_is_in_one_part_and_the_split_is_played(split: str) -> None:
    task = ParallelTask(pairs=PAIRS, split=split, coverage=1.0)
    train, test = task.training_sequences(), task.test_sequences()
    assert not set(train.sources) & set(test.sources)
    assert len(test.tokens) == 4
    expected = {"train": set(train.sources), "test": set(test.sources), "all": {*train.sources, *test.sources}}
    assert set(task.sources.pool) == expected[split]
    check_task(task, texts=8)
    for name in ("bleu", "error_rate", "exact_match"):
        check_reward(make_reward(name), task, texts=4)


def test_test_pairs_of_their_own(tmp_path: Path) -> None:
    train, test = tmp_path / "train.tsv", tmp_path / "test.tsv"
    train.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS[:30]), encoding="utf-8")
    test.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS[28:]), encoding="utf-8")
    arguments = {"source_tokenization": "character", "max_length": 3}
    task = ParallelTask(path=str(train), test_path=str(test), **arguments)
    assert (len(task.training_sequences().tokens), len(task.test_sequences().tokens)) == (30, 10)
    assert task.report.sources.test.dropped["in the training part"] == 2
    for name, part in (("train", PAIRS[:30]), ("test", PAIRS[28:])):
        for side in (0, 1):
            content = "".join(f"{pair[side]}\n" for pair in part)
            (tmp_path / f"{name}{side}.txt").write_text(content, encoding="utf-8")
    names = ("source_path", "target_path", "test_source_path", "test_target_path")
    files = ("train0.txt", "train1.txt", "test0.txt", "test1.txt")
    paths = {name: str(tmp_path / file) for name, file in zip(names, files, strict=True)}
    assert ParallelTask(**paths, **arguments).report == task.report


def test_a_pair_is_left_out_with_either_side() -> None:
    pairs = [*PAIRS, ("1 2 3 4 5 6", "eins"), ("7", " ".join(NUMBERS))]
    task = ParallelTask(pairs=pairs, source_tokenization="character", max_source_length=3, max_length=4)
    assert pairs_of(task) <= set(PAIRS)
    sources, targets = task.report.sources, task.report.targets
    assert sources.training.dropped["too long"] + sources.test.dropped["too long"] == 1
    assert targets.training.dropped["other side left out"] + targets.test.dropped["other side left out"] == 1
    for report in (sources, targets):
        for part in (report.training, report.test):
            assert part.read == part.kept + sum(part.dropped.values())
    assert "Sources\n" in str(task.report)
    cut = ParallelTask(pairs=pairs, source_tokenization="character", max_source_length=3, max_length=4, too_long="cut")
    assert cut.report.targets.training.cut + cut.report.targets.test.cut == 1
    check_task(cut, texts=8)


def test_large_corpora_are_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parallel_module, "LEAST_KEPT", 10)
    arguments = {"pairs": PAIRS, "source_tokenization": "character", "max_length": 30}
    for tokenization in ("word", {"name": "subword", "vocab_size": 40}):
        first = ParallelTask(**arguments, tokenization=tokenization)
        (kept,) = (tmp_path / "cache" / "corpora").iterdir()
        with monkeypatch.context() as patched:
            patched.setattr(parallel_module, "_made", None)  # it would be called if nothing were kept
            again = ParallelTask(**arguments, tokenization=tokenization)
        assert (again.vocabulary, again.report) == (first.vocabulary, first.report)
        assert all(np.array_equal(a, b) for a, b in zip(first.references(), again.references(), strict=True))
        kept.write_bytes(kept.read_bytes()[:-50])
        assert ParallelTask(**arguments, tokenization=tokenization).report == first.report
        kept.unlink()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, ValueError, "path, source_path with target_path, and pairs: give one of the three"),
        ({"path": "a.tsv", "pairs": PAIRS}, ValueError, "give one of the three"),
        ({"path": "a.txt"}, ValueError, r"path='a\.txt' has one text a line, and pairs are needed; give a \.tsv"),
        ({"path": "no_such.tsv"}, FileNotFoundError, "path='no_such.tsv': no such file"),
        ({"source_path": "a.txt"}, ValueError, "target_path is missing; give source_path and target_path together"),
        ({"target_path": "a.txt"}, ValueError, "source_path is missing"),
        ({"source_path": "a.tsv", "target_path": "b.txt"}, ValueError, r"source_path='a\.tsv' is no \.txt"),
        (
            {"pairs": PAIRS, "test_source_path": "a.txt"},
            ValueError,
            "test_target_path is missing; give test_source_path",
        ),
        (
            {"pairs": PAIRS, "test_path": "a.tsv", "test_target_path": "b.txt"},
            ValueError,
            "test_path, and test_source_path with test_target_path: give one",
        ),
        ({"path": "a.tsv", "source_field": "in"}, ValueError, "source_field='in', target_field=None: name both, or"),
        ({"pairs": PAIRS, "source_field": "in"}, ValueError, r"source_field='in', .* they name fields of path="),
        ({"pairs": "ab"}, TypeError, "pairs='ab' must be an iterable of .source, target., got str"),
        ({"pairs": [("a",)]}, TypeError, r"pairs\[0\]=\('a',\) must be \(source, target\)"),
        ({"pairs": [("a", 3)]}, TypeError, r"pairs\[0\]=\('a', 3\): source and target must be strings"),
        ({"pairs": [*PAIRS, ("a", " ")]}, ValueError, r"pairs\[40\]=\('a', ' '\) lacks one side; give every source"),
        ({"pairs": []}, ValueError, "pairs holds no pair; give pairs of a source and a target"),
        ({"pairs": PAIRS[:1]}, ValueError, "pairs holds one text alone"),
        ({"pairs": PAIRS, "split": "dev"}, ValueError, "split='dev' must be one of 'train', 'test', 'all'"),
        ({"pairs": PAIRS, "source_min_count": 99}, ValueError, "source_min_count=99, source_vocab_size=None: no token"),
        ({"pairs": PAIRS, "source_min_count": 0}, ValueError, "source_min_count=0 must be a whole number >= 1"),
        ({"pairs": PAIRS, "max_source_length": 0}, ValueError, "max_source_length=0 must be a whole number >= 1"),
        ({"pairs": PAIRS, "max_length": 2}, ValueError, r"no training pair is left of 36 .*36 targets too long"),
        (
            {"pairs": PAIRS, "source_tokenization": "letters"},
            ValueError,
            "source_tokenization='letters' must be one of word, character, subword",
        ),
    ],
)
def test_what_is_refused(arguments: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        ParallelTask(**arguments)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.tsv", "a\tb\nc\n", r"a\.tsv' line 2: has 1 column; give every source a target"),
        ("a.tsv", "a\tb\n\nc\t \n", r"a\.tsv' line 3: has no target; give every source a target"),
        ("a.tsv", "a\tb\n\tc\n", r"a\.tsv' line 2: has no source"),
        ("a.jsonl", '{"source": "a"}\n', r"a\.jsonl' line 1: has no field 'target'; there are 'source'"),
        ("a.jsonl", '{"source": "a", "target": []}\n', r"a\.jsonl' line 1: has no target"),
        (
            "a.jsonl",
            '{"source": "a", "target": ["b", 3]}\n',
            r"line 1: holds 3, a int; every text must be a string, or",
        ),
        ("a.jsonl", '{"source": null, "target": "b"}\n', "line 1: holds None, a NoneType"),
    ],
)
def test_a_pair_that_lacks_one_side_is_said_with_its_line(name: str, content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        ParallelTask(path=str(tmp_path / name))


def test_two_files_that_do_not_belong_together(tmp_path: Path) -> None:
    short, long, gap = (str(tmp_path / f"{name}.txt") for name in ("short", "long", "gap"))
    for path, content in ((short, "a\nb\n"), (long, "a\nb\nc\n"), (gap, "a\n\n")):
        Path(path).write_text(content, encoding="utf-8")
    said = r"target_path='.*short\.txt' ends after line 2, and source_path='.*long\.txt' goes on; line i of one file"
    with pytest.raises(ValueError, match=said):
        ParallelTask(source_path=long, target_path=short)
    with pytest.raises(
        ValueError, match=r"source_path='.*short\.txt' ends after line 2, and target_path='.*long\.txt'"
    ):
        ParallelTask(source_path=short, target_path=long)
    with pytest.raises(ValueError, match=r"gap\.txt line 2: has no target; give every source a target"):
        ParallelTask(source_path=short, target_path=gap)


def test_the_id_plays(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), encoding="utf-8")
    envs = gymnasium.make_vec("TextGen-Parallel-v0", num_envs=3, path=str(path), reward_mode="dense")
    observations, _ = envs.reset(seed=0)
    assert observations["source"].shape == (3, envs.unwrapped.task.sources.tokens.shape[1])
    assert str(path) in envs.unwrapped.spec.to_json()
