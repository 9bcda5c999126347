"""Texts of files: every form, and what is wrong with a file, said with its line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from textgen_env.corpora.lines import MOST_LINE_BYTES, lines_of
from textgen_env.corpora.reading import field_names, read_texts
from textgen_env.files import UnreadableFile

Made = Callable[[str, "str | bytes"], str]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A function that writes a file and gives its path; one whose name ends with ".gz" is compressed."""

    def make(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        raw = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return str(path)

    return make


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("a.txt", "one\ntwo words\r\n\n drei ⛅\n", {}),
        ("a.txt", "one\ntwo words\n\n drei ⛅", {}),
        ("a.TXT", "\ufeffone\ntwo words\n\n drei ⛅\n", {}),
        ("a.csv", 'id,text\n1,one\n2,"two words"\n3,\n4," drei ⛅"\n', {"field": "text"}),
        ("a.tsv", "text\tid\none\t1\ntwo words\t2\n\t3\n drei ⛅\t4\n", {"field": "text"}),
        ("a.jsonl", '{"t": "one"}\n\n{"t": "two words", "n": 2}\n{"t": ""}\n{"t": " drei \\u26c5"}\n', {"field": "t"}),
    ],
)
def test_every_form_gives_the_texts(name: str, content: str, arguments: dict, packed: str, made: Made) -> None:
    assert list(read_texts(made(name + packed, content), **arguments)) == ["one", "two words", "", " drei ⛅"]


def test_paragraphs_are_apart_by_empty_lines(made: Made) -> None:
    path = made("a.txt", "\n\none\n two \n\n  \nthree\n")
    assert list(read_texts(path, paragraphs=True)) == ["one two", "three"]


def test_quotation_marks(made: Made) -> None:
    rows = 'text,n\n"a, ""b""\nc",1\nd,2\n'
    assert list(read_texts(made("a.csv", rows), "text")) == ['a, "b"\nc', "d"]
    assert list(read_texts(made("a.tsv", 'text\n"a\n'), "text")) == ['"a']


def test_line_separators_of_unicode_end_no_line(made: Made) -> None:
    assert [line.text for line in lines_of(made("a.txt", "a\u2028b\u0085c\vd\n"))] == ["a\u2028b\u0085c\vd"]


def test_fields_are_named(made: Made) -> None:
    assert field_names(made("a.csv", "a,b\n1,2\n")) == ["a", "b"]
    assert field_names(made("a.jsonl", '{"x": 1}\n')) == ["x"]
    assert field_names(made("b.jsonl", "")) == []


@pytest.mark.parametrize(
    ("name", "content", "arguments", "said"),
    [
        ("a.txt", b"good\n\xe9t\xe9\n", {}, r"a\.txt line 2, byte 1: is no UTF-8 \(0xe9: .*; convert .*iconv"),
        ("a.txt", b"good\nab\xff", {}, r"a\.txt line 2, byte 3: is no UTF-8 \(0xff"),
        ("a.txt.gz", b"good\nab\xff", {}, r"a\.txt\.gz line 2, byte 3: is no UTF-8"),
        ("a.txt", "x".encode("utf-16"), {}, "line 1, byte 1: is UTF-16, where UTF-8 is read; convert .* UTF-16"),
        ("a.txt", b"a\nELF\0\1", {}, "line 2, byte 4: holds a zero byte, which no text does; give a text file"),
        ("a.txt", b"a\n" + b"x" * 10_000_000, {}, f"line 2: has more than {MOST_LINE_BYTES:,} bytes; .*break the file"),
        ("a.jsonl", '{"a": "b"}\n{"a": \n', {"field": "a"}, r"line 2: is no JSON: .*; put a JSON object a line"),
        ("a.jsonl", "[" * 100_000, {"field": "a"}, "line 1: is no JSON"),
        ("a.jsonl", "3\n", {"field": "a"}, "line 1: holds 3, a int"),
        ("a.jsonl", '{"a": 3}\n', {"field": "a"}, "line 1: 'a' holds 3, a int; every text must be a string"),
        ("a.jsonl", '{"a": ""}\n{"b": ""}\n', {"field": "a"}, "line 2: has no field 'a'; there are 'b'"),
        ("a.csv", "a,b\n1,2\n3\n", {"field": "a"}, "line 3: has 1 columns, and the first line names 2; .*quotation"),
        ("a.csv", 'a\n"b\n', {"field": "a"}, "line 2: is no CSV: unexpected end of data; see to its quotation marks"),
        ("a.csv", "a,a\n", {"field": "a"}, "line 1: names a column twice: 'a', 'a'"),
        ("a.tsv", "a\tb\n1\n", {"field": "a"}, "line 2: has 1 columns, and the first line names 2"),
        ("a.csv", "a\n" + "x" * 200_000, {"field": "a"}, "line 2: is no CSV: field larger"),
        ("a.txt", "a" * 600_000 + "\n" + "b" * 600_000, {"paragraphs": True}, "line 2: ends a paragraph of more than"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    name: str, content: str | bytes, arguments: dict, said: str, made: Made
) -> None:
    with pytest.raises(UnreadableFile, match=said):
        list(read_texts(made(name, content), **arguments))


def test_damaged_compression_is_said_with_its_line(made: Made, tmp_path: Path) -> None:
    whole = gzip.compress(b"one\ntwo\n" * 1000)
    for content in (whole[:-20], whole[:40] + b"\0" * 40 + whole[80:], b"no gzip at all"):
        (tmp_path / "a.txt.gz").write_bytes(content)
        with pytest.raises(UnreadableFile, match=r"a\.txt\.gz line \d+: is damaged: .*; pack it anew with gzip"):
            list(read_texts(tmp_path / "a.txt.gz"))


@pytest.mark.parametrize(
    ("name", "arguments", "error", "said"),
    [
        ("a.docx", {}, ValueError, r"path='.*a\.docx' must end with one of \.txt, \.csv, \.tsv, \.jsonl, \.ndjson"),
        ("a.txt", {"field": "text"}, ValueError, "field='text': .* has no fields; give it without field"),
        ("a.txt", {"paragraphs": 1}, TypeError, "paragraphs=1 must be True or False"),
        ("a.csv", {}, ValueError, r"field=None: name the column of .*a\.csv that holds the text; there are 'a', 'b'"),
        ("a.jsonl", {}, ValueError, r"field=None: name the key of .*a\.jsonl .*; there are 'a'"),
        ("a.csv", {"field": "a", "paragraphs": True}, ValueError, r"paragraphs=True: .* is no \.txt file"),
    ],
)
def test_arguments_that_do_not_fit_the_file(
    name: str, arguments: dict, error: type[Exception], said: str, made: Made
) -> None:
    path = made(name, json.dumps({"a": "b"}) if name.endswith("jsonl") else "a,b\n1,2\n")
    with pytest.raises(error, match=said):
        list(read_texts(path, **arguments))


def test_no_path_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="path=3 must be the path of a file, got int"):
        read_texts(3)  # type: ignore[arg-type]
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(UnreadableFile, match=r"folder\.txt is a folder, where a file must stand"):
        list(read_texts(tmp_path / "folder.txt"))
