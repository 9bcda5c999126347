"""A saved scorer scores as before, and what is no saved scorer is neither read nor overwritten."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.kernel_switch import PATHS, taking
from textgen_env.files import UnreadableFile, sealed, sha256_of
from textgen_env.metrics import BleuScorer
from textgen_env.metrics import saved_references as storage

RNG = np.random.default_rng(0)
REFERENCES, LENGTHS = RNG.integers(0, 9, (60, 12)), RNG.integers(0, 13, 60)
TOKENS = RNG.integers(0, 9, (200, 14))
TEXT_LENGTHS = RNG.integers(0, 15, 200)
GROUPS, TEXT_GROUPS = np.arange(60) % 7 * 10**9, RNG.integers(0, 7, 200) * 10**9


def scores(scorer, groups=None, shift=0):
    return scorer.score(TOKENS + shift, TEXT_LENGTHS, groups)


@pytest.fixture
def saved(tmp_path):
    BleuScorer.of_texts(REFERENCES, LENGTHS).save(tmp_path / "scorer")
    return tmp_path / "scorer"


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize(
    ("kwargs", "groups", "shift"),
    [
        ({}, None, 0),
        ({"max_order": 2, "smooth_method": "add-k", "smooth_value": 0.5, "effective_order": True}, None, 0),
        ({"groups": GROUPS, "smooth_method": "floor"}, TEXT_GROUPS, 0),
        ({"smooth_method": "none", "max_order": 3}, None, 2**40),
    ],
)
@pytest.mark.parametrize("writer", PATHS)
def test_a_loaded_scorer_scores_equally(tmp_path, writer, kwargs, groups, shift, mmap):
    with taking(writer):
        scorer = BleuScorer.of_texts(REFERENCES + shift, LENGTHS, **kwargs)
        scorer.save(str(tmp_path / "new" / "scorer"))
    loaded = BleuScorer.load(str(tmp_path / "new" / "scorer"), mmap=mmap)
    for path in PATHS:
        with taking(path):
            before, after = scores(scorer, groups, shift), scores(loaded, groups, shift)
        np.testing.assert_array_equal(after, before)
    assert before.max() > 0
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["scorer"], "no draft is left"
    for name in ("max_order", "smooth_method", "smooth_value", "effective_order"):
        assert getattr(loaded, name) == getattr(scorer, name)
    loaded.save(tmp_path / "again")
    for file in (tmp_path / "again").iterdir():
        assert file.read_bytes() == (tmp_path / "new" / "scorer" / file.name).read_bytes()


def test_references_without_a_token(tmp_path, path):
    BleuScorer([[], []]).save(tmp_path / "empty")
    assert BleuScorer.load(tmp_path / "empty").score(np.array([[1]]), np.array([1])).tolist() == [0.0]


def test_replaces_a_saved_scorer_alone(saved, tmp_path):
    other = BleuScorer([[1, 2, 3]], max_order=2)
    other.save(saved)
    assert BleuScorer.load(saved).max_order == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(saved)
    (saved / "notes.txt").write_text("kept")
    for taken in ("mine", "file", "link", "scorer"):
        with pytest.raises(FileExistsError, match=f"{taken} exists and holds no saved scorer"):
            other.save(tmp_path / taken)
    assert (saved / "notes.txt").read_text() == (tmp_path / "file").read_text() == "kept"
    (saved / "notes.txt").unlink()
    (saved / "scorer.json").write_text("[]")
    with pytest.raises(FileExistsError):
        other.save(saved)


def test_an_interrupted_save_leaves_what_was_there(saved, tmp_path, monkeypatch):
    before = scores(BleuScorer.load(saved))

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(storage.json, "dump", interrupted)
    with pytest.raises(KeyboardInterrupt):
        BleuScorer([[1]]).save(saved)
    with pytest.raises(KeyboardInterrupt):
        BleuScorer([[1]]).save(tmp_path / "new")
    assert [p.name for p in tmp_path.iterdir()] == ["scorer"]
    np.testing.assert_array_equal(scores(BleuScorer.load(saved)), before)


def test_nothing_there(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("absent", "file", "."):
        with pytest.raises(FileNotFoundError, match="holds no saved scorer"):
            BleuScorer.load(tmp_path / name)


def put(**changed):
    def change(folder):
        path = folder / "scorer.json"
        content = json.loads(path.read_text())
        for key, value in changed.items():
            within, _, name = key.rpartition("__")
            (content[within] if within else content)[name] = value
        path.write_text(json.dumps(sealed({key: each for key, each in content.items() if key != "digest"})))

    return change


def array(name, values, size=None):
    def change(folder):
        np.save(folder / f"{name}.npy", values)
        digest = sha256_of(folder / f"{name}.npy")
        put(**{f"sizes__{name}": len(values) if size is None else size, f"digests__{name}": digest})(folder)

    return change


def cut(name, to):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:to])


def pickled(folder):
    np.save(folder / "words.npy", np.array([{}], dtype=object), allow_pickle=True)


def digested(change):
    """The damage, by one who knows of the digests."""

    def changed(folder):
        change(folder)
        put(digests__words=sha256_of(folder / "words.npy"))(folder)

    return changed


def replaced_by(make):
    def change(folder):
        (folder / "words.npy").unlink()
        make(folder / "words.npy")

    return change


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (put(version=1), "scorer.json has version 1; this one reads 2: save it anew"),
        (put(format="other"), "scorer.json is of no saved scorer"),
        (cut("scorer.json", 40), "scorer.json holds no readable JSON"),
        (lambda folder: (folder / "scorer.json").write_text("{}"), "scorer.json is of no saved scorer"),
        (put(token_bits=-1), "scorer.json is damaged"),
        (put(count_bits="4"), "scorer.json is damaged"),
        (put(sizes={}), "scorer.json is damaged"),
        (put(settings__max_order=0), "scorer.json is damaged: max_order=0"),
        (put(settings__colour="red"), "scorer.json is damaged.*colour"),
        (put(settings__smooth_method="linear"), "scorer.json is damaged: smooth_method='linear'"),
        (put(count_bits=60), "count_bits=60 are too many"),
        (put(num_groups=2), "for num_groups=2"),
        (put(num_groups=0), "for num_groups=0"),
        (put(length_base=0), "length_starts"),
        (put(sizes__words=4096), r"words.npy is damaged: it holds int64 \(.*\), expected int64 \(4096,\)"),
        (lambda folder: (folder / "words.npy").unlink(), "words.npy is missing"),
        (cut("words.npy", 1000), "words.npy is damaged"),
        (cut("words.npy", 20), "words.npy is damaged"),
        (cut("length_keys.npy", 0), "length_keys.npy is damaged"),
        (pickled, "words.npy is damaged"),
        (digested(pickled), "words.npy is damaged: an array of object"),
        (digested(cut("words.npy", 1000)), "words.npy is damaged: it does not hold the 8192 bytes that it declares"),
        (digested(cut("words.npy", 20)), "words.npy is damaged"),
        (replaced_by(Path.mkdir), "words.npy is a folder, where a file must stand"),
        (replaced_by(lambda path: path.symlink_to("groups.npy")), "words.npy is a link, where a file must stand"),
        (replaced_by(os.mkfifo), "words.npy is a pipe, where a file must stand"),
        (array("words", np.zeros(1000, np.int64)), "words has 1000 slots, which is no power of two"),
        (array("words", np.zeros(1024)), "words.npy is damaged: it holds float64"),
        (array("words", np.zeros((1024, 2), np.int64)), "words.npy is damaged: it holds int64"),
        (array("length_keys", np.array([3, 1])), "length_starts does not fit"),
        (array("length_starts", np.array([0, 99])), "length_starts does not fit"),
        (array("token_ids", np.array([3, 1])), "token_ids does not ascend"),
        (array("token_ids", np.arange(99)), "token_ids has 99 entries"),
    ],
)
def test_damaged_folders_are_refused(saved, damage, message, mmap):
    damage(saved)
    with pytest.raises(UnreadableFile, match=message) as caught:
        BleuScorer.load(saved, mmap=mmap)
    assert str(saved) in str(caught.value)


def test_a_table_without_an_empty_slot_ends_the_search(saved, path):
    """Which no saved scorer has; but a look-up must come to an end on any file."""
    words = np.load(saved / "words.npy", allow_pickle=False)
    array("words", np.full(len(words), 2**50))(saved)
    scorer = BleuScorer.load(saved)
    assert scorer.score(TOKENS[:3], TEXT_LENGTHS[:3]).shape == (3,)


def test_a_folder_that_moves_is_read_where_it_is(saved, tmp_path):
    before = scores(BleuScorer.load(saved))
    shutil.move(saved, tmp_path / "elsewhere")
    np.testing.assert_array_equal(scores(BleuScorer.load(tmp_path / "elsewhere")), before)


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("name", ["words.npy", "length_keys.npy", "length_starts.npy", "scorer.json"])
def test_a_flipped_bit_is_found(saved, name, mmap):
    path, rng = saved / name, np.random.default_rng(1)
    whole, before = path.read_bytes(), scores(BleuScorer.load(saved))
    for at in rng.integers(8 * len(whole), size=50):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        path.write_bytes(bytes(damaged))
        try:
            scorer = BleuScorer.load(saved, mmap=mmap)
        except UnreadableFile:
            continue
        # What was taken is a blank of the JSON that has become another.
        assert name == "scorer.json"
        np.testing.assert_array_equal(scores(scorer), before)


KILLED = """
import os, sys
from pathlib import Path
from textgen_env.metrics import BleuScorer
rename, before = Path.rename, int(sys.argv[2])
def killed(self, target):
    global before
    before -= 1
    if before < 0:
        os._exit(9)
    return rename(self, target)
Path.rename = killed
BleuScorer([[1, 2]]).save(sys.argv[1])
"""


@pytest.mark.parametrize("renames", [0, 1])
def test_a_save_that_was_killed_leaves_nothing_for_good(saved, tmp_path, renames):
    """Killed before the old content is moved away, or between that and the new content's taking its place."""
    before = scores(BleuScorer.load(saved))
    done = subprocess.run([sys.executable, "-c", KILLED, str(saved), str(renames)], check=False)
    assert done.returncode == 9
    assert len(list(tmp_path.iterdir())) == 2 - renames
    storage._clear(saved)
    assert [path.name for path in tmp_path.iterdir()] == ["scorer"]
    np.testing.assert_array_equal(scores(BleuScorer.load(saved)), before)


def test_a_draft_that_is_being_written_is_left_alone(saved, tmp_path):
    draft = tmp_path / ".scorer.abc.draft"
    draft.mkdir()
    with storage.held(draft / "held"):
        BleuScorer([[1, 2]]).save(saved)
        assert draft.is_dir()
    BleuScorer([[1, 2]]).save(saved)
    assert [path.name for path in tmp_path.iterdir()] == ["scorer"]
