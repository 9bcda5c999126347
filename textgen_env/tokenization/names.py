"""The registered tokenizations, and what is made of a name with its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from textgen_env.registries import Registry
from textgen_env.tokenization.base import Tokenization

TOKENIZATIONS = Registry("tokenization")


def register_tokenization(name: str, tokenization: Any) -> None:
    """Names a tokenization, for `gym.make("TextGen-Corpus-v0", tokenization=name, ...)`.

    Args:
        name: letters, digits and `_`.
        tokenization: a class that follows `textgen_env.tokenization.Tokenization` once it is made, or its import path
            "module:Class".

    Raises:
        TypeError, ValueError: a name or class that is not allowed, or a name that is taken.
    """
    TOKENIZATIONS.register(name, tokenization)


register_tokenization("word", "textgen_env.tokenization.word:WordTokenization")
register_tokenization("character", "textgen_env.tokenization.character:CharacterTokenization")
register_tokenization("subword", "textgen_env.tokenization.subword:SubwordTokenization")


def make_tokenization(given: object, argument: str = "tokenization") -> Tokenization:
    """The tokenization that a specification stands for.

    Args:
        given: a name ("word"), a mapping of a name and arguments ({"name": "word", "lowercase": True}), an import path
            "module:Class", or an object.
        argument: that named it, for errors.

    Raises:
        TypeError: no tokenization, or an argument that it does not take.
        ValueError: an unknown name, or an argument out of range.
        ImportError: a library is missing.
    """
    if isinstance(given, Tokenization) and not isinstance(given, type):
        return given
    name = given.get("name") if isinstance(given, Mapping) else given
    if not isinstance(name, str):
        raise TypeError(
            f"{argument}={given!r} must be one of {', '.join(TOKENIZATIONS)}, a mapping {{'name': ..., <arguments>}} "
            "or an object that follows textgen_env.tokenization.Tokenization"
        )
    arguments = {key: value for key, value in given.items() if key != "name"} if isinstance(given, Mapping) else {}
    if name not in TOKENIZATIONS and ":" not in name:
        raise ValueError(
            f"{argument}={name!r} must be one of {', '.join(TOKENIZATIONS)}, or an import path 'module:Class'"
        )
    target = TOKENIZATIONS.load(name)
    known = inspect.signature(target).parameters
    for key, value in arguments.items():
        if key not in known:
            raise TypeError(
                f"{argument}={given!r}: {name!r} got an unexpected argument {key!r} ({key}={value!r}); allowed are "
                f"{', '.join(map(str, known)) or 'none'}"
            )
    made = target(**arguments)
    if not isinstance(made, Tokenization):
        raise TypeError(f"{argument}={given!r}: {type(made).__name__} has not all that a Tokenization has")
    return made
