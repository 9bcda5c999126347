"""Compiled code that is kept on disk: checked when it is read, compiled anew where it is damaged.

Numba's cache believes its files: one that is torn raises an error at every start, and one in which a bit has flipped is
run. Here each file ends with the digest of the rest, and whatever is wrong with a folder costs time, not the package.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

DIGEST = sha256().digest_size
_warned: set[str] = set()


class Damaged(Exception):
    """Error: a file of compiled code that is not as it was written."""


class CheckedFiles(IndexDataCacheFile):
    """Index and code of one function, in Numba's form. Each file ends with the digest of what stands before, which
    Numba does not read."""

    def _load_index(self) -> Any:
        _check(Path(self._index_path))
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _check(Path(self._data_path(name)))
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BytesIO]:
        with super()._open_for_write(filepath) as file:
            content = BytesIO()
            yield content
            file.write(content.getvalue() + sha256(content.getvalue()).digest())


class CheckedCache(FunctionCache):
    """Cache of one function's compiled code that never fails: what cannot be read is compiled anew, what cannot be
    written is not kept. Each is said once, in a warning that names the folder."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        plain = self._cache_file
        self._cache_file = CheckedFiles(plain._cache_path, plain._index_name.removesuffix(".nbi"), plain._source_stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        # A damaged file fails in as many ways as there are bytes.
        except Exception as error:
            self._say("cannot be read", error, "it is compiled anew")
            try:
                self.flush()
            except OSError:
                self.disable()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keeps the code for a signature, if there is room."""
        try:
            super().save_overload(sig, data)
        except Exception as error:
            self._say("cannot be kept", error, "every process compiles it, for some seconds")
            self.disable()

    def _say(self, what: str, error: Exception, so: str) -> None:
        folder = str(self._cache_path)
        if f"{folder} {what}" not in _warned:
            _warned.add(f"{folder} {what}")
            warnings.warn(
                f"compiled code in {folder} {what} ({type(error).__name__}: {error}): {so}. Remove that folder, make "
                "room, or choose another with the environment variable NUMBA_CACHE_DIR",
                RuntimeWarning,
                stacklevel=2,
            )


def _check(path: Path) -> None:
    """Refuses a file that does not end with its digest; one that is not there is no fault.

    Raises:
        Damaged: another digest.
    """
    with suppress(FileNotFoundError):
        content = path.read_bytes()
        if sha256(content[:-DIGEST]).digest() != content[-DIGEST:]:
            raise Damaged(f"{path.name} is not as it was written")
