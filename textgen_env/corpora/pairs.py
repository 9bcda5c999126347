"""Pairs of a source and its references: from a table, from JSON objects, from two files, or handed over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from typing import Any, Protocol

from textgen_env.corpora.lines import lines_of
from textgen_env.corpora.origin import FileOrigin
from textgen_env.corpora.reading import PLAIN, TABLES, cells, kind_of, read_fields
from textgen_env.files import UnreadableFile, named_by
from textgen_env.plain_text import plain_text

Pair = tuple[str, list[str]]
SOURCE, TARGET = "source", "target"
REMEDY = "give every source a target, and every target a source"


class PairOrigin(Protocol):
    """Origin of pairs.

    Attributes:
        named: as errors call it: "path='pairs.tsv'".
        settings: all that the pairs depend on, plain JSON, a digest of their content among it.
    """

    @property
    def named(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def pairs(self) -> Iterator[Pair]:
        """Each source with its references, in order; a source may come again, with others. Pairs that are empty on
        both sides are left out."""
        ...


@dataclass(frozen=True)
class FilePairs:
    """Pairs of one file: ".tsv" or ".csv", the first two columns where no fields are named; ".jsonl", where the target
    may be a list of references.

    Attributes:
        file: that holds them; its `field` is none.
        source_field, target_field: the columns or keys, or None.
    """

    file: FileOrigin
    source_field: str | None
    target_field: str | None

    @classmethod
    def of(cls, path: str, source_field: str | None, target_field: str | None, argument: str = "path") -> FilePairs:
        """The pairs of the file at a path.

        Raises:
            TypeError, ValueError: no path, one field of two, or a file of lines.
            FileNotFoundError: nothing there.
            UnreadableFile: no regular file.
        """
        if kind_of(path, argument) in PLAIN:
            raise ValueError(
                f"{argument}={path!r} has one text a line, and pairs are needed; give a .tsv, .csv or .jsonl, or two "
                "files: source_path=..., target_path=..."
            )
        if (source_field is None) != (target_field is None):
            raise ValueError(f"source_field={source_field!r}, target_field={target_field!r}: name both, or neither")
        return cls(FileOrigin.of(path, None, False, argument), source_field, target_field)

    @property
    def named(self) -> str:
        """Argument and path."""
        return self.file.named

    @property
    def settings(self) -> Mapping[str, Any]:
        """The content's digest, and how it is read."""
        return {**self.file.settings, "source_field": self.source_field, "target_field": self.target_field}

    def pairs(self) -> Iterator[Pair]:
        """The pairs of the file.

        Raises:
            UnreadableFile: a row with one side alone, or what is no text; with the line.
        """
        path = self.file.path
        with named_by(self.file.argument):
            for number, source, target in self._rows(path):
                targets = target if isinstance(target, list) else [target]
                for text in (source, *targets):
                    if not isinstance(text, str):
                        said = plain_text(repr(text), 60)
                        wrong = f"line {number}: holds {said}, a {type(text).__name__}"
                        raise UnreadableFile(
                            path, wrong, "every text must be a string, or a list of references of them"
                        )
                yield from _checked(path, number, source, targets)

    def _rows(self, path: str) -> Iterator[tuple[int, Any, Any]]:
        if kind_of(path) in TABLES and self.source_field is None:
            for number, row in cells(path):
                if len(row) < 2:
                    raise UnreadableFile(path, f"line {number}: has {len(row)} column", REMEDY)
                yield number, row[0], row[1]
            return
        fields = (self.source_field or SOURCE, self.target_field or TARGET)
        for number, (source, target) in read_fields(path, fields):
            yield number, source, target


@dataclass(frozen=True)
class TwoFilePairs:
    """Pairs of two files: line by line.

    Attributes:
        sources, targets: the files.
    """

    sources: FileOrigin
    targets: FileOrigin

    @classmethod
    def of(cls, source_path: str, target_path: str, prefix: str = "") -> TwoFilePairs:
        """The pairs of two ".txt" files.

        Raises:
            TypeError, ValueError: no paths, or of other files.
            FileNotFoundError: nothing there.
            UnreadableFile: no regular file.
        """
        for name, path in (("source_path", source_path), ("target_path", target_path)):
            if kind_of(path, prefix + name) not in PLAIN:
                raise ValueError(
                    f"{prefix}{name}={path!r} is no .txt; two files have a text a line each. Give a table as path=..."
                )
        return cls(
            FileOrigin.of(source_path, None, False, f"{prefix}source_path"),
            FileOrigin.of(target_path, None, False, f"{prefix}target_path"),
        )

    @property
    def named(self) -> str:
        """Arguments and paths."""
        return f"{self.sources.named}, {self.targets.named}"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The contents' digests."""
        return {"sources": dict(self.sources.settings), "targets": dict(self.targets.settings)}

    def pairs(self) -> Iterator[Pair]:
        """The pairs of the files.

        Raises:
            UnreadableFile: files of unequal length, or a line that is empty in one of them; with the line.
        """
        ends = zip_longest(lines_of(self.sources.path), lines_of(self.targets.path))
        for number, (source, target) in enumerate(ends, 1):
            if source is None or target is None:
                short, long = (self.sources, self.targets) if source is None else (self.targets, self.sources)
                wrong = f"ends after line {number - 1}, and {long.named} goes on"
                raise UnreadableFile(
                    short.path, wrong, "line i of one file belongs to line i of the other", short.argument
                )
            where = self.sources.path if target.text.strip() else self.targets.path
            yield from _checked(where, number, source.text, [target.text])


@dataclass(frozen=True)
class GivenPairs:
    """Pairs that are handed over.

    Attributes:
        given: (source, references) each.
        digest: SHA-256 of them.
    """

    given: tuple[Pair, ...]
    digest: str

    @classmethod
    def of(cls, pairs: Iterable[object]) -> GivenPairs:
        """Any iterable of (source, target), the target a string or a list of references.

        Raises:
            TypeError, ValueError: what is no such pair.
        """
        if isinstance(pairs, str | bytes) or not isinstance(pairs, Iterable):
            raise TypeError(
                f"pairs={plain_text(repr(pairs), 60)} must be an iterable of (source, target), got "
                f"{type(pairs).__name__}"
            )
        given: list[Pair] = []
        digest = sha256()
        for position, pair in enumerate(pairs):
            source, targets = _as_pair(position, pair)
            for text in (source, *targets):
                content = text.encode("utf-8", "surrogatepass")
                digest.update(len(content).to_bytes(8, "little") + content)
            digest.update(len(targets).to_bytes(8, "little"))
            given.append((source, targets))
        return cls(tuple(given), digest.hexdigest())

    @property
    def named(self) -> str:
        """The argument."""
        return "pairs"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The pairs' digest."""
        return {"sha256": self.digest, "kind": "given"}

    def pairs(self) -> Iterator[Pair]:
        """The pairs."""
        return iter(self.given)


def _as_pair(position: int, pair: object) -> Pair:
    said = plain_text(repr(pair), 60)
    if isinstance(pair, str) or not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"pairs[{position}]={said} must be (source, target), the target a string or a list of them")
    source, target = pair
    targets = list(target) if isinstance(target, tuple | list) else [target]
    if not all(isinstance(text, str) for text in (source, *targets)):
        raise TypeError(f"pairs[{position}]={said}: source and target must be strings")
    if not source.strip() or not any(text.strip() for text in targets):
        raise ValueError(f"pairs[{position}]={said} lacks one side; {REMEDY}")
    return source, [text for text in targets if text.strip()]


def _checked(path: str | os.PathLike[str], number: int, source: str, targets: list[str]) -> Iterator[Pair]:
    """The pair, if it is none that is empty on both sides.

    Raises:
        UnreadableFile: it has one side alone.
    """
    given = [text for text in targets if text.strip()]
    if bool(source.strip()) != bool(given):
        missing = "target" if source.strip() else "source"
        raise UnreadableFile(path, f"line {number}: has no {missing}", REMEDY)
    if given:
        yield source, given
