"""Texts of files: lines, paragraphs, and fields of tables and of JSON objects."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from textgen_env.checks import check_bool
from textgen_env.corpora.lines import COMPRESSED, MOST_LINE_BYTES, lines_of
from textgen_env.files import Named, UnreadableFile
from textgen_env.plain_text import plain_text

PLAIN, TABLES, OBJECTS = (".txt",), (".csv", ".tsv"), (".jsonl", ".ndjson")


def kind_of(path: Named, argument: str = "path") -> str:
    """The suffix that says how a file is read, such as ".txt", the one of compression left out.

    Raises:
        TypeError: no path.
        ValueError: another suffix.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{argument}={path!r} must be the path of a file, got {type(path).__name__}")
    suffix = PurePath(os.fspath(path).removesuffix(COMPRESSED)).suffix.lower()
    known = (*PLAIN, *TABLES, *OBJECTS)
    if suffix not in known:
        raise ValueError(
            f"{argument}={os.fspath(path)!r} must end with one of {', '.join(known)}, which says how it is read, or "
            f"with one of them and {COMPRESSED}"
        )
    return suffix


def read_texts(path: Named, field: str | None = None, paragraphs: bool = False) -> Iterator[str]:
    """The texts of a file, in order, empty ones among them.

    Args:
        path: ".txt": a text a line; ".csv" with a comma and quotation marks, ".tsv" with tabs and without them, each
            with a first line of column names; ".jsonl" (or ".ndjson"): a JSON object a line; each also with ".gz".
        field: the column, or the key, that holds the text; of a ".txt" none.
        paragraphs: of a ".txt": a text ends at an empty line, and its lines are joined by blanks.

    Raises:
        TypeError, ValueError: arguments that do not fit the file.
        FileNotFoundError: nothing there.
        UnreadableFile: as `lines_of`; a row without the field, or no JSON; with the line.
    """
    kind = kind_of(path)
    check_bool("paragraphs", paragraphs)
    if kind in PLAIN:
        if field is not None:
            raise ValueError(f"field={field!r}: {os.fspath(path)} has no fields; give it without field")
        return _paragraphs(path) if paragraphs else (line.text for line in lines_of(path))
    if paragraphs:
        raise ValueError(f"paragraphs=True: {os.fspath(path)} is no .txt file; its texts are its {kind[1:]} rows")
    if not isinstance(field, str):
        what = "column" if kind in TABLES else "key"
        raise ValueError(
            f"field={field!r}: name the {what} of {os.fspath(path)} that holds the text; there are "
            f"{', '.join(map(repr, field_names(path))) or 'none'}"
        )
    return (texts[0] for _, texts in read_rows(path, (field,)))


def read_rows(path: Named, fields: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Of each row of a table or of JSON objects the line that it stands in, and the text in each of the fields.

    Raises:
        as `read_texts`.
    """
    for number, row in read_fields(path, fields):
        for field, value in zip(fields, row, strict=True):
            if not isinstance(value, str):
                raise UnreadableFile(
                    path,
                    f"line {number}: {field!r} holds {_short(value)}, a {type(value).__name__}",
                    "every text must be a string",
                )
        yield number, row


def read_fields(path: Named, fields: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
    """Of each row of a table or of JSON objects the line that it stands in, and what is in each of the fields.

    Raises:
        as `read_texts`.
    """
    for number, row in _rows(path):
        missing = [field for field in fields if field not in row]
        if missing:
            raise UnreadableFile(
                path,
                f"line {number}: has no field {missing[0]!r}; there are {', '.join(map(repr, row)) or 'none'}",
                "name one that every row has",
            )
        yield number, [row[field] for field in fields]


def field_names(path: Named) -> list[str]:
    """The names of the fields in the first row of a table or of JSON objects.

    Raises:
        as `read_texts`.
    """
    for _, row in _rows(path):
        return list(row)
    return []


def _paragraphs(path: Named) -> Iterator[str]:
    collected: list[str] = []
    for line in lines_of(path):
        if line.text.strip():
            collected.append(line.text.strip())
            if sum(map(len, collected)) > MOST_LINE_BYTES:
                raise UnreadableFile(
                    path,
                    f"line {line.number}: ends a paragraph of more than {MOST_LINE_BYTES:,} characters",
                    "put empty lines between the texts, or read each line as one: paragraphs=False",
                )
        elif collected:
            yield " ".join(collected)
            collected = []
    if collected:
        yield " ".join(collected)


def _rows(path: Named) -> Iterator[tuple[int, dict[str, Any]]]:
    return _table(path) if kind_of(path) in TABLES else _objects(path)


def _objects(path: Named) -> Iterator[tuple[int, dict[str, Any]]]:
    for line in lines_of(path):
        if not line.text.strip():
            continue
        try:
            row = json.loads(line.text)
        except (ValueError, RecursionError) as error:
            raise UnreadableFile(path, f"line {line.number}: is no JSON: {error}", "put a JSON object a line") from None
        if not isinstance(row, dict):
            said = f"line {line.number}: holds {_short(row)}, a {type(row).__name__}"
            raise UnreadableFile(path, said, "put a JSON object a line")
        yield line.number, row


def _table(path: Named) -> Iterator[tuple[int, dict[str, Any]]]:
    names: list[str] = []
    for number, row in cells(path):
        if not names:
            names = row
            if len(set(names)) != len(names):
                said = f"line {number}: names a column twice: {', '.join(map(repr, names))}"
                raise UnreadableFile(path, said, "give each column its own name")
        elif len(row) != len(names):
            raise UnreadableFile(
                path,
                f"line {number}: has {len(row)} columns, and the first line names {len(names)}",
                "give every row the columns of the first" + _quoting(path),
            )
        else:
            yield number, dict(zip(names, row, strict=True))


def cells(path: Named) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table as they stand, the first among them, each with the line that it ends in; empty lines are
    left out.

    Raises:
        as `read_texts`.
    """
    if kind_of(path) == ".tsv":
        for line in lines_of(path):
            if line.text:
                yield line.number, line.text.split("\t")
        return
    rows = csv.reader((f"{line.text}\n" for line in lines_of(path)), strict=True)
    try:
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        remedy = "see to its quotation marks, or save it as .tsv or .jsonl"
        raise UnreadableFile(path, f"line {rows.line_num}: is no CSV: {error}", remedy) from None


def _quoting(path: Named) -> str:
    return "; a text that holds a comma stands in quotation marks" if kind_of(path) == ".csv" else ""


def _short(value: Any) -> str:
    return plain_text(repr(value), 60)
