"""JSON read by types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pytest

from benchmarks.store.typed_json import read_as, read_fields


@dataclass(frozen=True)
class Inner:
    name: str
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outer:
    count: int
    kind: Literal["a", "b"]
    inner: Inner | None
    by_name: Mapping[str, Inner]
    flag: bool = False
    anything: Any = None


OUTER = Outer(3, "b", Inner("x", (1.0, 2.5)), {"y": Inner("y")}, True, {"left": [1]})


def test_a_dataclass_comes_back_from_json() -> None:
    assert read_as(Outer, json.loads(json.dumps(asdict(OUTER))), "outer") == OUTER
    assert read_as(Outer | None, None, "outer") is None


@pytest.mark.parametrize(
    ("hint", "value", "said"),
    [
        (str, 3, "x=3 must be str"),
        (int, True, "x=True must be int"),
        (int, 3.0, "x=3.0 must be int"),
        (bool, 1, "x=1 must be bool"),
        (float, "3", "x='3' must be a finite number"),
        (float, True, "x=True must be a finite number"),
        (float, float("nan"), "x=nan must be a finite number"),
        (Literal["a", "b"], "c", "x='c' must be"),
        (tuple[float, ...], 3.0, "x=3.0 must be"),
        (tuple[float, ...], [1.0, None], "x=None must be a finite number"),
        (Mapping[str, float], {"y": "z"}, r"x\.y='z' must be a finite number"),
        (Mapping[str, float], [1], "must be"),
        (str | None, 3, "x=3 must be"),
        (Inner, 3, "x=3 must be Inner"),
        (Inner, {"name": 3, "values": []}, "name=3 must be str"),
    ],
)
def test_other_values_are_refused_by_name(hint: Any, value: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        read_as(hint, value, "x")


def test_whole_numbers_are_numbers() -> None:
    assert read_as(float, 3, "x") == 3.0
    assert isinstance(read_as(float, 3, "x"), float)


def test_of_fields_that_are_read_by_themselves_those_with_a_default_may_be_missing() -> None:
    assert read_fields({"name": "x", "other": 1}, Inner) == {"name": "x"}
    assert read_fields({"name": "x", "values": [1]}, Inner, frozenset({"name"})) == {"values": (1.0,)}
    with pytest.raises(KeyError, match="name"):
        read_fields({}, Inner)
    # One that was written whole has them all.
    with pytest.raises(KeyError, match="values"):
        read_as(Inner, {"name": "x"}, "inner")
