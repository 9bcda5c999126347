"""Archives of arrays, `.npz` and `.npy` files: what they declare is checked before memory is taken."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from textgen_env.files import DamagedFile, Named, TooLarge, UnreadableFile, opened

MOST_BYTES = 2**30
# So many hold the headers of the arrays of numbers that NumPy writes.
_MOST_HEADER = 10_000


@dataclass(frozen=True)
class Declared:
    """Declaration of an array, as its header has it.

    Attributes:
        shape, dtype: of the array.
        fortran: whether its first index runs fastest.
        offset: bytes of the header.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """That the array takes."""
        return math.prod(self.shape) * self.dtype.itemsize


class Archive:
    """Archive of arrays that is open: each is looked at, and read, when it is asked for.

    Attributes:
        declared: name -> what the array's header says, of those that were asked for and are there.
        names: of all arrays.
    """

    def __init__(self, path: Named, archive: zipfile.ZipFile, wanted: Iterable[str]) -> None:
        self.path, self._archive = path, archive
        members = [each.filename for each in archive.infolist()]
        if len(set(members)) != len(members):
            raise DamagedFile(path, "has two members of one name")
        self.names = sorted(each.removesuffix(".npy") for each in members)
        self.declared: Mapping[str, Declared] = {name: self._declared(name) for name in wanted if name in self.names}
        total = sum(each.nbytes for each in self.declared.values())
        if total > MOST_BYTES:
            raise TooLarge(path, f"declares arrays of {total} bytes, and at most {MOST_BYTES} are read")

    def read(self, name: str) -> NDArray[Any]:
        """One of the arrays that were asked for.

        Raises:
            DamagedFile: not what was written.
        """
        with _told(self.path), self._archive.open(f"{name}.npy") as member:
            return read_array(member, self.declared[name])

    def _declared(self, name: str) -> Declared:
        with _told(self.path), self._archive.open(f"{name}.npy") as member:
            found = read_header(member)
        size = self._archive.getinfo(f"{name}.npy").file_size
        if size != found.offset + found.nbytes:
            raise DamagedFile(self.path, f"has {size} bytes of array {name!r}, which declares {found.nbytes}")
        return found


@contextmanager
def opened_archive(path: Named, wanted: Iterable[str]) -> Iterator[Archive]:
    """The `.npz` file, with the arrays that are wanted of it; others are not unpacked.

    Raises:
        FileNotFoundError: nothing there.
        UnreadableFile: no such file, truncated, an array of objects, or larger than `MOST_BYTES`.
    """
    with opened(path) as file, _told(path):
        archive = zipfile.ZipFile(file)
        with archive:
            found = Archive(path, archive, wanted)
            yield found


def read_header(file: IO[bytes]) -> Declared:
    """The declaration at the beginning of an `.npy` file.

    Raises:
        ValueError: something else, or objects, which are never read.
    """
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(file, _MOST_HEADER)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(file, _MOST_HEADER)
    else:
        raise ValueError(f"an array of the format {version}, where (1, 0) and (2, 0) are read")
    if dtype.hasobject or dtype.kind == "V":
        raise ValueError(f"an array of {dtype}, where only plain numbers are read")
    if any(isinstance(size, bool) or size < 0 for size in shape):
        raise ValueError(f"an array of the shape {shape}")
    return Declared(tuple(shape), dtype, fortran, file.tell())


def read_array(file: IO[bytes], declared: Declared) -> NDArray[Any]:
    """The array of an open file, from its beginning, whose header said this.

    Raises:
        ValueError: fewer bytes than declared, or more.
    """
    file.read(declared.offset)
    content = bytearray(declared.nbytes)
    view, found = memoryview(content), 0
    while found < len(content) and (count := file.readinto(view[found:])):  # type: ignore[attr-defined]
        found += count
    # At its end the checksum of a member is looked at.
    if found < len(content) or file.read(1):
        raise ValueError(f"an array of {declared.nbytes} bytes has {'fewer' if found < len(content) else 'more'}")
    flat = np.frombuffer(content, declared.dtype)
    return flat.reshape(declared.shape, order="F" if declared.fortran else "C")


@contextmanager
def _told(path: Named) -> Iterator[None]:
    """Within it, whatever a damaged file makes fail is told as the file's fault."""
    try:
        yield
    except UnreadableFile:
        raise
    # It fails in as many ways as there are bytes: zip, zlib, NumPy's header, memory.
    except Exception as error:
        raise DamagedFile(path, f"is no readable .npz of plain arrays: {error}") from None
