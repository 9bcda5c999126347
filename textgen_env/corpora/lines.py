"""Lines of text files, plain or compressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from typing import IO

from textgen_env.files import Named, UnreadableFile, opened

MOST_LINE_BYTES = 2**20
COMPRESSED = ".gz"
UTF8_MARK = b"\xef\xbb\xbf"
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Line:
    """A line of a file.

    Attributes:
        number: from 1.
        text: without its end.
    """

    number: int
    text: str


def lines_of(path: Named) -> Iterator[Line]:
    """The lines of a UTF-8 file, one at a time; of a name that ends with ".gz" what it unpacks to.

    A line ends with "\\n" or "\\r\\n". A byte order mark at the beginning is no part of the text.

    Raises:
        FileNotFoundError: nothing there.
        UnreadableFile: a folder, or what holds no text: another encoding, a binary file, a line of more than
            `MOST_LINE_BYTES`, damaged compression; with the line and the byte.
    """
    with opened(path) as file, _unpacked(path, file) as stream:
        for number, content in enumerate(_raw_lines(path, stream), 1):
            if number == 1:
                content = content.removeprefix(UTF8_MARK)
            yield Line(number, _decoded(path, number, content))


@contextmanager
def _unpacked(path: Named, file: BufferedReader) -> Iterator[IO[bytes]]:
    if not str(path).endswith(COMPRESSED):
        yield file
        return
    with gzip.GzipFile(fileobj=file) as stream:
        yield stream  # type: ignore[misc]


def _raw_lines(path: Named, stream: IO[bytes]) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        try:
            content = stream.readline(MOST_LINE_BYTES + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFile(path, f"line {number}: is damaged: {error}", "pack it anew with gzip") from None
        except OSError as error:
            raise UnreadableFile(path, f"line {number}: cannot be read: {error.strerror or error}") from None
        if not content:
            return
        if len(content) > MOST_LINE_BYTES:
            raise UnreadableFile(
                path,
                f"line {number}: has more than {MOST_LINE_BYTES:,} bytes",
                "a text is at most a page; break the file into lines",
            )
        yield content.removesuffix(b"\n").removesuffix(b"\r")


def _decoded(path: Named, number: int, content: bytes) -> str:
    if number == 1 and content.startswith(WIDE_MARKS):
        raise UnreadableFile(path, "line 1, byte 1: is UTF-16, where UTF-8 is read", _convert("UTF-16"))
    if b"\0" in content:
        where = f"line {number}, byte {content.index(0) + 1}"
        raise UnreadableFile(path, f"{where}: holds a zero byte, which no text does", "give a text file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            path,
            f"line {number}, byte {error.start + 1}: is no UTF-8 (0x{content[error.start]:02x}: {error.reason})",
            _convert("LATIN1"),
        ) from None


def _convert(encoding: str) -> str:
    return f"convert the file, as with: iconv -f {encoding} -t UTF-8"
