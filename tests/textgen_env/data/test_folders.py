"""Where named data are looked for, and what is found there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.named_data import CONTENT, SHA256, empty_folders, named
from textgen_env.data import DataFile, MissingData, cache_folder, data_path, folders, is_present
from textgen_env.data.folders import how_to_get
from textgen_env.files import DamagedFile, NoRegularFile

FILE = DataFile("verses.txt", SHA256, "http://127.0.0.1:1/verses.txt")
MADE = DataFile("made.txt", SHA256)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    named(monkeypatch, FILE)
    given, fetched = empty_folders(monkeypatch, tmp_path)
    fetched.mkdir(parents=True)
    return given, fetched


def test_the_given_folder_comes_before_what_was_fetched(places: tuple[Path, Path]) -> None:
    for folder in reversed(places):
        assert is_present("verses") is (folder / "verses.txt" != places[1] / "verses.txt")
        (folder / "verses.txt").write_bytes(CONTENT)
        assert data_path("verses") == data_path("verses.txt") == folder / "verses.txt"
        assert is_present("verses")


def test_without_a_given_folder_the_fetched_one_does(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (places[1] / "verses.txt").write_bytes(CONTENT)
    for told in (None, ""):
        monkeypatch.delenv("TEXTGEN_DATA", raising=False)
        if told is not None:
            monkeypatch.setenv("TEXTGEN_DATA", told)
        assert data_path("verses") == places[1] / "verses.txt"


def test_the_cache_is_where_the_system_has_its_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TEXTGEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "textgen-env"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for ignored in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert cache_folder() == tmp_path / "home" / ".cache" / "textgen-env"


def test_what_is_missing_says_both_ways(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for where in (repr(str(places[0])), "is not set"):
        with pytest.raises(MissingData) as caught:
            data_path("verses")
        for said in (
            "verses.txt, of the data 'verses'",
            where,
            repr(str(places[1])),
            "set TEXTGEN_DATA to a folder that holds verses.txt",
            "python -m textgen_env.data fetch verses",
        ):
            assert said in str(caught.value)
        monkeypatch.delenv("TEXTGEN_DATA", raising=False)


def test_what_cannot_be_fetched_names_its_origin(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, MADE)
    with pytest.raises(MissingData, match=r"or make it from its origin \(Li Bai\)$"):
        data_path("verses")


def test_another_content_names_both_digests(places: tuple[Path, Path]) -> None:
    path = places[0] / "verses.txt"
    path.write_bytes(CONTENT)
    data_path("verses")
    path.write_bytes(CONTENT + b"more")
    said = rf"{re.escape(str(path))} has the SHA-256 [0-9a-f]{{64}}, but verses.txt has {SHA256}; .*fetch verses"
    with pytest.raises(DamagedFile, match=said):
        data_path("verses")


def test_a_folder_in_a_files_place_is_refused(places: tuple[Path, Path]) -> None:
    (places[0] / "verses.txt").mkdir()
    with pytest.raises(NoRegularFile, match="is a folder, where a file must stand"):
        data_path("verses")


def test_a_digest_is_taken_once(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    (places[0] / "verses.txt").write_bytes(CONTENT)
    taken: list[Path] = []
    monkeypatch.setattr(folders, "sha256_of", lambda path: taken.append(path) or SHA256)
    folders._digest.cache_clear()
    for _ in range(3):
        data_path("verses")
    assert len(taken) == 1


def test_one_of_several_files_is_asked_for(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, FILE, MADE)
    with pytest.raises(ValueError, match=r"name='verses' is several files; ask for one: verses.txt, made.txt"):
        data_path("verses")
    (places[0] / "verses.txt").write_bytes(CONTENT)
    assert is_present("verses.txt")
    assert not is_present("verses")


def test_what_to_do_is_said_of_data_too() -> None:
    assert how_to_get("captions") == (
        "set TEXTGEN_DATA to a folder that holds captions_train.txt and captions_test.txt, or fetch it: python -m "
        "textgen_env.data fetch captions"
    )
    assert how_to_get("speeches").endswith(
        "or make it from its origin (kfogel/presidential-speeches, data/*.txt put together)"
    )
