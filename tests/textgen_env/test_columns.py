"""Columns: infos of many rows read as arrays of plain strings, however they are copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textgen_env import Vocabulary
from textgen_env.columns import TextColumn, VectorInfos

VOCABULARY = Vocabulary(["<e>", "a", "b"], eos="<e>")
TEXTS = [None, "a b", None, "b"]


def column() -> TextColumn:
    return TextColumn(np.array([[1, 2, 0], [2, 0, 3]]), VOCABULARY, np.array([1, 3]), 4)


def infos() -> VectorInfos:
    return VectorInfos(text=column(), length=np.array([0, 3, 0, 2]))


def merged(given: VectorInfos) -> dict[str, Any]:
    other: dict[str, Any] = {}
    other.update(given)
    return other


COPIES: dict[str, Callable[[VectorInfos], dict[str, Any]]] = {
    "itself": lambda given: given,
    "dict": dict,
    "spread": lambda given: {**given},
    "or": lambda given: given | {},
    "of or": lambda given: {} | given,
    "update": merged,
    "items": lambda given: {key: value for key, value in given.items()},
    "keys": lambda given: {key: given[key] for key in given},
    "values": lambda given: dict(zip(given, given.values(), strict=True)),
    "get": lambda given: {"text": given.get("text"), "length": given.get("length")},
    "setdefault": lambda given: {"text": given.setdefault("text"), "length": given.setdefault("length", 0)},
    "pop": lambda given: {"text": given.pop("text"), "length": given.pop("length")},
    "popitem": lambda given: dict([given.popitem(), given.popitem()]),
    "copy method": lambda given: given.copy(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda given: pickle.loads(pickle.dumps(given)),
}


@pytest.mark.parametrize("how", COPIES)
def test_infos_are_read_as_arrays_of_strings(how: str) -> None:
    read = COPIES[how](infos())
    assert sorted(read) == ["length", "text"] or how == "pop"
    assert isinstance(read["text"], np.ndarray)
    assert read["text"].tolist() == TEXTS
    assert read["length"].tolist() == [0, 3, 0, 2]


def test_infos_without_texts_are_a_dict() -> None:
    assert VectorInfos() == {}
    assert VectorInfos(a=1) == {"a": 1}
    assert repr(VectorInfos(a=1)) == "{'a': 1}"
    assert VectorInfos().get("text") is None
    with pytest.raises(KeyError):
        VectorInfos()["text"]


def test_a_column_is_a_sequence_of_strings() -> None:
    texts = column()
    assert (len(texts), texts.shape, texts.ndim, texts.dtype) == (4, (4,), 1, np.dtype(object))
    assert [*texts] == texts.tolist() == TEXTS
    assert texts[1] == "a b"
    assert texts[np.array([1, 3])].tolist() == ["a b", "b"]
    assert texts[-1:].tolist() == ["b"]
    assert (texts == np.array(TEXTS, object)).all()
    assert np.asarray(texts).tolist() == TEXTS
    assert np.array(texts)[[1, 3]].astype(str).tolist() == ["a b", "b"]
    assert "a b" in texts
    assert repr(texts) == repr(np.array(TEXTS, object))
    with pytest.raises(ValueError, match="copy=False"):
        np.array(texts, copy=False)


@pytest.mark.parametrize(
    "how", [copy.copy, copy.deepcopy, lambda texts: texts.copy(), lambda texts: pickle.loads(pickle.dumps(texts))]
)
def test_a_copied_column_holds_the_same(how: Callable[[Any], Any]) -> None:
    assert how(column()).tolist() == TEXTS
