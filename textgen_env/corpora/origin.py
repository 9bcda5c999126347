"""Origins of texts: a file, or what a program hands over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from textgen_env.corpora.reading import kind_of, read_texts
from textgen_env.files import named_by, sha256_of
from textgen_env.plain_text import plain_text


class Origin(Protocol):
    """Origin: where texts come from.

    Attributes:
        named: as errors call it: "path='reviews.txt'".
        settings: all that the texts depend on, plain JSON, a digest of their content among it.
    """

    @property
    def named(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def texts(self) -> Iterator[str]:
        """The texts, in order, empty ones among them."""
        ...


@dataclass(frozen=True)
class FileOrigin:
    """The texts of a file, as `read_texts` reads them.

    Attributes:
        path, field, paragraphs: of `read_texts`.
        argument: that names the file.
        digest: SHA-256 of its content.
    """

    path: str
    field: str | None
    paragraphs: bool
    argument: str
    digest: str

    @classmethod
    def of(
        cls, path: str | os.PathLike[str], field: str | None, paragraphs: bool, argument: str = "path"
    ) -> FileOrigin:
        """The file at a path.

        Raises:
            TypeError, ValueError: no path, or of a file that is not read.
            FileNotFoundError: nothing there.
            UnreadableFile: no regular file.
        """
        kind_of(path, argument)
        path = os.fspath(path)
        with named_by(argument):
            try:
                digest = sha256_of(path)
            except FileNotFoundError:
                raise FileNotFoundError(
                    f"{argument}={path!r}: no such file, seen from {os.getcwd()!r}; check the spelling, or give the "
                    "whole path"
                ) from None
        return cls(path, field, paragraphs, argument, digest)

    @property
    def named(self) -> str:
        """Argument and path."""
        return f"{self.argument}={self.path!r}"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The content's digest, and how it is read; where the file lies is none of it."""
        return {
            "sha256": self.digest,
            "kind": kind_of(self.path),
            "packed": self.path.endswith(".gz"),
            "field": self.field,
            "paragraphs": self.paragraphs,
        }

    def texts(self) -> Iterator[str]:
        """The texts of the file.

        Raises:
            UnreadableFile, ValueError: as `read_texts`.
        """
        with named_by(self.argument):
            yield from read_texts(self.path, self.field, self.paragraphs)


@dataclass(frozen=True)
class GivenOrigin:
    """Texts that are handed over.

    Attributes:
        given: the texts.
        argument: that they are given as.
        digest: SHA-256 of them.
    """

    given: tuple[str, ...]
    argument: str
    digest: str

    @classmethod
    def of(cls, texts: Iterable[object], argument: str = "texts") -> GivenOrigin:
        """The texts of any iterable, such as a list, or a column of a data set.

        Raises:
            TypeError: one string, or what holds something else than strings.
            ValueError: a string that is no text: half of a pair of UTF-16.
        """
        if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
            said = plain_text(repr(texts), 60)
            raise TypeError(f"{argument}={said} must be an iterable of strings, got {type(texts).__name__}")
        given: list[str] = []
        digest = sha256()
        for position, text in enumerate(texts):
            if not isinstance(text, str):
                said = plain_text(repr(text), 60)
                raise TypeError(f"{argument}[{position}]={said} must be a string, got {type(text).__name__}")
            try:
                content = text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"{argument}[{position}] holds {text[error.start]!r} at character {error.start}, which is half "
                    "of a pair and no character; read the texts with their right encoding"
                ) from None
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)
            given.append(text)
        return cls(tuple(given), argument, digest.hexdigest())

    @property
    def named(self) -> str:
        """The argument."""
        return self.argument

    @property
    def settings(self) -> Mapping[str, Any]:
        """The texts' digest."""
        return {"sha256": self.digest, "kind": "given"}

    def texts(self) -> Iterator[str]:
        """The texts."""
        return iter(self.given)
