"""Files are read bounded, where one is a file, and refused by one family of errors; written whole or not at all."""

from __future__ import annotations

import json
import os
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest

from textgen_env import files
from textgen_env.files import (
    MOST_JSON_DEPTH,
    DamagedFile,
    NoRegularFile,
    TooLarge,
    UnreadableFile,
    check_seal,
    opened,
    read_bytes,
    read_json,
    sealed,
    sha256_of,
    write_whole,
)

POSIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes that have names")


@POSIX
@pytest.mark.parametrize("read", [lambda path: read_bytes(path, 9), read_json, sha256_of])
def test_what_is_no_file_is_refused_and_not_waited_for(read: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    for kind in ("pipe", "folder", "socket"):
        with pytest.raises(NoRegularFile, match=rf"{kind} is a {kind}, where a file must stand; put the file itself"):
            read(tmp_path / kind)
    with pytest.raises(NoRegularFile, match="/dev/zero is a device"):
        read("/dev/zero")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(NoRegularFile, match="link is a pipe"):
        read(tmp_path / "link")


@POSIX
def test_links_are_followed_where_a_person_names_them_and_not_where_files_are_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"{}")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("nothing")
    assert read_json(tmp_path / "link") == {}
    with pytest.raises(NoRegularFile, match="link is a link"):
        read_json(tmp_path / "link", links=False)
    with pytest.raises(NoRegularFile, match="broken is a link that leads nowhere"):
        read_json(tmp_path / "broken")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nothing", tmp_path / "file" / "nothing"):
        with pytest.raises(FileNotFoundError, match="nothing"), opened(path):
            pass


def test_more_bytes_than_are_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(11))
    assert read_bytes(tmp_path / "large", 11) == bytes(11)
    with pytest.raises(TooLarge, match="holds 11 bytes, and at most 10 are read"):
        read_bytes(tmp_path / "large", 10)
    if Path("/proc/cpuinfo").exists():
        # It says that it holds none.
        with pytest.raises(TooLarge, match="/proc/cpuinfo"):
            read_bytes("/proc/cpuinfo", 10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no readable JSON"),
        ("[]", "must hold a JSON object, but holds a list"),
        ('{"a": 1, "a": 2}', "'a' stands in it twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": "\xff"}', "no readable JSON"),
        ('{"a": ' + "[" * 10**6, "nested deeper than 64"),
        ('{"a": ' + "[" * MOST_JSON_DEPTH + "]" * MOST_JSON_DEPTH + "}", "nested deeper than 64"),
        ('{"a": ' + "9" * 10_000 + "}", "no readable JSON"),
    ],
)
def test_json_that_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "content.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UnreadableFile, match=rf"content.json .*{said}"):
        read_json(tmp_path / "content.json")


def test_json_as_deep_as_it_may_be(tmp_path: Path) -> None:
    inner = MOST_JSON_DEPTH - 1
    (tmp_path / "content.json").write_text('{"a": ' + "[" * inner + "]" * inner + "}")
    assert read_json(tmp_path / "content.json").keys() == {"a"}


def test_a_seal_is_of_the_content_and_of_no_spelling(tmp_path: Path) -> None:
    content = {"b": [1, 0.1, None], "a": {"ü": "\ud800"}}
    path = tmp_path / "content.json"
    path.write_text(json.dumps(sealed(content)))
    check_seal(path, read_json(path))
    for changed in ({**sealed(content), "b": [2, 0.1, None]}, content, {**sealed(content), "digest": 1}):
        with pytest.raises(DamagedFile, match=r"content.json is not what was written"):
            check_seal(path, changed)


def test_an_error_goes_through_processes_whole() -> None:
    error = DamagedFile(Path("place"), "is damaged", "save it anew", "oracle")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "oracle='place' is damaged; save it anew"
    assert (again.path, again.wrong, again.remedy) == ("place", "is damaged", "save it anew")


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def failing(draft: Path) -> None:
        draft.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, failing)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("name", ["file", "[a]*?.json"])
def test_drafts_that_were_left_are_cleared_and_those_that_are_held_kept(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    left, held, other = (tmp_path / f".{each}.draft" for each in (f"{name}.1", f"{name}.2", "others.1"))
    left.write_text("half")
    other.write_text("half")
    with files.held(held):
        write_whole(path, lambda draft: draft.write_text("new"))
        assert {each.name for each in tmp_path.iterdir()} == {name, held.name, other.name}
    write_whole(path, lambda draft: draft.write_text("newer"))
    assert {each.name for each in tmp_path.iterdir()} == {name, other.name}
    assert path.read_text() == "newer"
