"""Reader of JSON values by the types that are expected of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

FINITE = "a finite number"


def read_fields(content: Mapping[str, Any], form: type, left_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Fields of a dataclass that an object holds; those with a default may be missing.

    Args:
        content: the object; other keys are passed over.
        form: the dataclass.
        left_out: fields that are not read.

    Raises:
        KeyError: a field without a default is missing.
        TypeError: a value of another type, or a number that is not finite.
    """
    hints = _hints(form)
    read: dict[str, Any] = {}
    for each in fields(form):
        needed = each.default is MISSING and each.default_factory is MISSING
        if each.name not in left_out and (needed or each.name in content):
            read[each.name] = read_as(hints[each.name], content[each.name], each.name)
    return read


def read_as(hint: Any, value: Any, name: str) -> Any:
    """The value in the form of a type: str, int, float, bool, None, `Literal`, a union, tuple[T, ...], Mapping[str, T],
    a dataclass whose fields are such, `Any`.

    Args:
        hint: the type.
        value: as JSON gave it.
        name: of the value, for the error.

    Raises:
        KeyError: a field of a dataclass is missing, even one with a default.
        TypeError: another value, or a number that is not finite.
    """
    if hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise TypeError(f"{name}={value!r} must be {FINITE}")
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any or (origin is Literal and value in inside):
        return value
    if hint in (str, bool, NoneType) and isinstance(value, hint):
        return value
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(read_as(inside[0], each, name) for each in value)
    if isinstance(value, Mapping):
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {str(key): read_as(inside[1], each, f"{name}.{key}") for key, each in value.items()}
        if is_dataclass(hint) and isinstance(hint, type):
            return hint(**{field: read_as(each, value[field], field) for field, each in _hints(hint).items()})
    if origin in (Union, UnionType):
        for one in inside:
            try:
                return read_as(one, value, name)
            except TypeError as error:
                refused = error
        raise refused
    raise TypeError(f"{name}={value!r} must be {hint.__name__ if isinstance(hint, type) else hint}")


@cache
def _hints(form: Any) -> dict[str, Any]:
    """Field of a dataclass -> its type."""
    hints = get_type_hints(form)
    return {each.name: hints[each.name] for each in fields(form)}
