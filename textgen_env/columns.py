"""Columns of a vector environment's infos: arrays (N, ...), and texts that are decoded when they are read.

A vector environment writes a thousand texts in the time that decoding them takes twice over, and few are ever read. So
the laziness lies in the container: whatever is taken out of it is an array of plain strings, or a plain string.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Sequence, ValuesView
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.vocabulary import IntArray, Vocabulary


def objects(values: Iterable[Any], count: int) -> NDArray[Any]:
    """`count` values as an array (count,) of objects, though they be sequences themselves."""
    return np.fromiter(values, np.dtype(object), count)


def column(values: Any, rows: IntArray, num_rows: int) -> Any:
    """`values` (K, ...) of `rows` (K,), which ascend, as (N, ...), 0 or None in the other rows."""
    # Of the class itself: `isinstance` of an abstract base class takes as long as all the rest.
    if type(values) is TextColumn:
        return values.spread(rows, num_rows)
    if len(rows) == num_rows:
        return values.copy()
    shape = (num_rows, *values.shape[1:])
    # An empty array of objects holds None; zeros are there already in memory that the system hands out.
    whole = np.empty(shape, object) if values.dtype == object else np.zeros(shape, values.dtype)
    whole[rows] = values
    return whole


class VectorInfos(dict[str, Any]):
    """Infos of N rows, a dict whose entry "text" becomes the array (N,) of its `TextColumn` when it is first read.

    Gymnasium's wrappers take the values of infos for arrays. Copies, and infos merged into others, hold the array: what
    reads all entries reads the texts.
    """

    def _read(self) -> None:
        texts = super().get("text")
        if isinstance(texts, TextColumn):
            super().__setitem__("text", texts.__array__())

    def __getitem__(self, key: str) -> Any:
        if key == "text":
            self._read()
        return super().__getitem__(key)

    # `dict(infos)`, `{**infos}` and `other | infos` go through `keys` and `[]` if a subclass has an `__iter__` of its
    # own, and copy the entries as they lie otherwise.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or `default`."""
        self._read()
        return super().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which becomes `default` if it had none."""
        self._read()
        return super().setdefault(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        """The value of a key, or `default`; the key is removed."""
        self._read()
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        """The last key and its value, removed."""
        self._read()
        return super().popitem()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        """Keys and values."""
        self._read()
        return super().items()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """The values."""
        self._read()
        return super().values()

    def copy(self) -> dict[str, Any]:
        """A plain dict of the same entries."""
        return dict(self.items())

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __eq__(self, other: object) -> bool:
        self._read()
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        return repr(self.copy())

    def __copy__(self) -> dict[str, Any]:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.copy(),)


class TextColumn(Sequence[str | None]):
    """Texts of N rows, each a plain string, or None in a row that has none; decoded when they are first read.

    Only the column is lazy; whatever is taken out of it is a `str`, and `np.asarray(column)` is the array
    (N,) of objects that Gymnasium's own vector environments give.

    Args:
        tokens: (K, T) ids of the texts; not changed while the column lives.
        vocabulary: decodes them.
        rows: (K,) which of the N rows they stand in, ascending; all by default.
        num_rows: N; K by default.
    """

    def __init__(
        self, tokens: IntArray, vocabulary: Vocabulary, rows: IntArray | None = None, num_rows: int | None = None
    ) -> None:
        self._tokens = tokens
        self._vocabulary = vocabulary
        self._rows = rows
        self._num_rows = len(tokens) if num_rows is None else num_rows
        self._decoded: NDArray[Any] | None = None

    def spread(self, rows: IntArray, num_rows: int) -> TextColumn:
        """The K texts of this column as those of `rows` (K,) of `num_rows`."""
        return TextColumn(self._tokens, self._vocabulary, rows, num_rows)

    @property
    def shape(self) -> tuple[int]:
        """(N,)."""
        return (self._num_rows,)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of objects, as of the array."""
        return np.dtype(object)

    ndim = 1

    def __len__(self) -> int:
        return self._num_rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The texts as an array (N,) of objects.

        Raises:
            ValueError: `copy=False`, as there is no array before this makes one.
        """
        if copy is False:
            raise ValueError("copy=False: a column of texts makes its array when it is asked for one")
        whole = self._array()
        return whole.copy() if dtype is None else whole.astype(dtype)

    def __getitem__(self, index: Any) -> Any:
        """The text of a row, or the array of the texts of several, as indexing an array (N,) would give them."""
        return self._array()[index]

    def __iter__(self) -> Iterator[str | None]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> Any:
        """Elementwise, as of an array."""
        return self._array() == np.asarray(other, object)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._array())

    def tolist(self) -> list[str | None]:
        """The texts as a list."""
        texts: list[str | None] = self._array().tolist()
        return texts

    def copy(self) -> TextColumn:
        """Itself: it never changes."""
        return self

    # Some vector environments deep-copy the infos of every step, or send them to another process.
    def __copy__(self) -> TextColumn:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TextColumn:
        return self

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return objects, (self.tolist(), self._num_rows)

    def _array(self) -> NDArray[Any]:
        if self._decoded is None:
            texts = objects(map(self._vocabulary.text_of, self._tokens.tolist()), len(self._tokens))
            self._decoded = texts if self._rows is None else column(texts, self._rows, self._num_rows)
        return self._decoded
