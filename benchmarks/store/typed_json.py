"""Reader of JSON values by the types that are expected of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

FINITE = "a finite number"
Read = Callable[[Any, str], Any]
"""Reads a value; takes its name, for the error."""


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
    return _reader(hint)(value, name)


@cache
def _reader(hint: Any) -> Read:
    """Reader of values of a type: made once for each, since ten thousand results hold millions of values."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value, name: value
    if hint is float:
        return _read_float
    if hint is int:
        return _read_int
    if hint in (str, bool, NoneType):
        return partial(_read_instance, hint)
    if origin is Literal:
        return partial(_read_literal, hint, inside)
    if origin is tuple:
        return partial(_read_tuple, hint, _reader(inside[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return partial(_read_mapping, hint, _reader(inside[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return partial(_read_dataclass, hint)
    if origin in (Union, UnionType):
        return partial(_read_union, tuple(_reader(one) for one in inside))
    return partial(_refuse, hint)


def _read_float(value: Any, name: str) -> float:
    kind = type(value)
    if (kind is float or (isinstance(value, int | float) and kind is not bool)) and math.isfinite(value):
        return float(value)
    raise TypeError(f"{name}={value!r} must be {FINITE}")


def _read_int(value: Any, name: str) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else _refuse(int, value, name)


def _read_instance(hint: Any, value: Any, name: str) -> Any:
    return value if isinstance(value, hint) else _refuse(hint, value, name)


def _read_literal(hint: Any, allowed: tuple[Any, ...], value: Any, name: str) -> Any:
    return value if value in allowed else _refuse(hint, value, name)


def _read_tuple(hint: Any, read: Read, value: Any, name: str) -> Any:
    return tuple([read(each, name) for each in value]) if isinstance(value, list) else _refuse(hint, value, name)


def _read_mapping(hint: Any, read: Read, value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return _refuse(hint, value, name)
    try:
        return {str(key): read(each, name) for key, each in value.items()}
    except TypeError:
        # Names are made for an error alone.
        return {str(key): read(each, f"{name}.{key}") for key, each in value.items()}


def _read_dataclass(hint: Any, value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return _refuse(hint, value, name)
    return hint(**{field: read(value[field], field) for field, read in _readers(hint)})


def _read_union(readers: tuple[Read, ...], value: Any, name: str) -> Any:
    for read in readers:
        try:
            return read(value, name)
        except TypeError as error:
            refused = error
    raise refused


def _refuse(hint: Any, value: Any, name: str) -> Any:
    raise TypeError(f"{name}={value!r} must be {hint.__name__ if isinstance(hint, type) else hint}")


@cache
def _readers(form: Any) -> tuple[tuple[str, Read], ...]:
    """Of each field of a dataclass, its name and what reads it."""
    return tuple((name, _reader(hint)) for name, hint in _hints(form).items())


@cache
def _hints(form: Any) -> dict[str, Any]:
    """Field of a dataclass -> its type."""
    hints = get_type_hints(form)
    return {each.name: hints[each.name] for each in fields(form)}
