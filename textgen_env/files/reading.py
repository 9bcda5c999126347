"""Files that are read: bounded, and only where one is a file.

What cannot be read is refused by one family of errors: `UnreadableFile` and what is derived from it. Each names the
file, says what is wrong with it, and what to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from os import PathLike
from typing import Any

Named = str | PathLike[str]
MOST_JSON_BYTES = 2**26
MOST_JSON_DEPTH = 64
DIGEST = "digest"
REMEDY = "put back what it was, or make it anew"
# Of systems that have them: a pipe is not waited for, a link not followed.
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class UnreadableFile(ValueError):
    """Error: a file that cannot be read, or that holds something else than it should.

    Args:
        path: of the file.
        wrong: with it, as "is truncated".
        remedy: what to do, as "save it anew".
        argument: that named the file; "" for none.
    """

    def __init__(self, path: Named, wrong: str, remedy: str = REMEDY, argument: str = "") -> None:
        self.path, self.wrong, self.remedy, self.argument = os.fspath(path), wrong, remedy, argument
        named = f"{argument}={self.path!r}" if argument else self.path
        super().__init__(f"{named} {wrong}; {remedy}")

    def __reduce__(self) -> tuple[type[UnreadableFile], tuple[str, ...]]:
        return type(self), (self.path, self.wrong, self.remedy, self.argument)


class NoRegularFile(UnreadableFile):
    """Error: a folder, a pipe, a device or, where none is followed, a link in a file's place."""


class TooLarge(UnreadableFile):
    """Error: more bytes, or deeper nesting, than such a file may have."""


class DamagedFile(UnreadableFile):
    """Error: a file that is not what was written: truncated, changed, or of another form."""


def what_is_wrong(error: Exception) -> str:
    """The words of an error, without the file's name where it is one of a file: for messages that name it already."""
    return error.wrong if isinstance(error, UnreadableFile) else str(error)


@contextmanager
def named_by(argument: str, remedy: str = REMEDY) -> Iterator[None]:
    """Within it, errors of files say which argument named them, and this remedy unless they have one of their own."""
    try:
        yield
    except UnreadableFile as error:
        own = error.remedy if error.remedy != REMEDY else remedy
        raise type(error)(error.path, error.wrong, own, argument) from None


@contextmanager
def opened(path: Named, links: bool = True) -> Iterator[BufferedReader]:
    """The file, open for reading; nothing but a regular file is opened, and none is waited for.

    Args:
        path: of the file.
        links: whether a link to a file is followed.

    Raises:
        FileNotFoundError: nothing there.
        NoRegularFile: something else there.
        UnreadableFile: what the system refuses.
    """
    try:
        # Looked at first: opening a device may do something.
        _check_regular(path, os.stat(path, follow_symlinks=links))
        handle = os.open(path, os.O_RDONLY | _NO_WAITING | (0 if links else _NO_LINK))
    except FileNotFoundError:
        if os.path.islink(path):
            raise NoRegularFile(path, "is a link that leads nowhere") from None
        raise
    except NotADirectoryError as error:
        raise FileNotFoundError(error.errno, error.strerror, os.fspath(path)) from None
    except OSError as error:
        raise UnreadableFile(path, f"cannot be opened: {error.strerror or error}", "see to it that it can") from None
    with os.fdopen(handle, "rb") as file:
        _check_regular(path, os.fstat(handle))
        yield file


def read_bytes(path: Named, most: int, links: bool = True) -> bytes:
    """The content of a file of at most `most` bytes; more are not read.

    Raises:
        FileNotFoundError: nothing there.
        UnreadableFile: as `opened`; or larger.
    """
    with opened(path, links) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            # A file may grow as it is read.
            content = file.read(most + 1) if size <= most else b""
        except OSError as error:
            raise UnreadableFile(path, f"cannot be read: {error.strerror or error}") from None
    if size > most or len(content) > most:
        raise TooLarge(path, f"holds {max(size, len(content))} bytes, and at most {most} are read")
    return content


def read_json(path: Named, most: int = MOST_JSON_BYTES, links: bool = True) -> dict[str, Any]:
    """The object in a UTF-8 JSON file.

    Args:
        path: of the file.
        most: bytes.
        links: whether a link to a file is followed.

    Raises:
        FileNotFoundError: nothing there.
        UnreadableFile: as `read_bytes`; no JSON, no object, a key twice, a number that is not finite, or nested deeper
            than `MOST_JSON_DEPTH`.
    """
    content = read_bytes(path, most, links)
    try:
        found = json.loads(content.decode(), object_pairs_hook=_unrepeated, parse_constant=_no_number)
    except RecursionError:
        raise TooLarge(path, f"is nested deeper than {MOST_JSON_DEPTH}") from None
    except ValueError as error:
        raise DamagedFile(path, f"holds no readable JSON: {error}") from None
    if not isinstance(found, dict):
        raise DamagedFile(path, f"must hold a JSON object, but holds a {type(found).__name__}")
    if _is_deeper(found, MOST_JSON_DEPTH):
        raise TooLarge(path, f"is nested deeper than {MOST_JSON_DEPTH}")
    return found


def sha256_of(path: Named, links: bool = True) -> str:
    """The SHA-256 of a file's content, in hexadecimal.

    Raises:
        FileNotFoundError: nothing there.
        UnreadableFile: as `opened`.
    """
    with opened(path, links) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableFile(path, f"cannot be read: {error.strerror or error}") from None


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a JSON file with a digest of itself, under `DIGEST`."""
    return {**content, DIGEST: _digest(content)}


def check_seal(path: Named, content: Mapping[str, Any]) -> None:
    """Refuses the content of a JSON file that is not what `sealed` made.

    Raises:
        DamagedFile: changed, or without a digest.
    """
    if content.get(DIGEST) != _digest({key: value for key, value in content.items() if key != DIGEST}):
        raise DamagedFile(path, f"is not what was written: its {DIGEST!r} is of another content")


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=dict)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _check_regular(path: Named, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for test, name in _KINDS if test(found.st_mode)), "no file")
        raise NoRegularFile(path, f"is {kind}, where a file must stand", "put the file itself there")


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands in it twice")
    return found


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _is_deeper(content: Any, most: int) -> bool:
    level = [content]
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
