"""Registries: what a user or a result names, and the object behind each name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PATH = re.compile(r"[^\s:]+:[^\s:]+")

# Where the names come from that are looked up at present, if it is a place whose import paths are not followed.
_UNTRUSTED: ContextVar[str] = ContextVar("untrusted", default="")


class UntrustedPath(ValueError):
    """Error: an import path that a file names: to import is to execute, and nobody said that the file is trusted."""


@contextmanager
def names_alone(source: object) -> Iterator[None]:
    """Within it, names lead to what is registered, and import paths are refused: of what stands in files that another
    may have written, nothing is imported. Threads that are started within it are not bound by it.

    Args:
        source: the file or folder that the names come from; errors name it.
    """
    before = _UNTRUSTED.set(str(source))
    try:
        yield
    finally:
        _UNTRUSTED.reset(before)


def check_trusted(argument: str, path: str) -> None:
    """Refuses an import path within `names_alone`.

    Raises:
        UntrustedPath: naming the file, the argument and the path.
    """
    source = _UNTRUSTED.get()
    if source:
        raise UntrustedPath(
            f"{argument}={path!r} stands in {source} and is an import path: to import it is to execute what is there, "
            "and a file is not taken at its word. If you know where the file comes from, and trust it, say so: --trust"
        )


class Registry:
    """Names of one kind of thing, each with a class or with the import path of one, which is imported when asked for.

    Args:
        kind: what is named, as errors call the argument: "task", "reward", "agent".
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._targets: dict[str, Any] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def register(self, name: str, target: Any) -> None:
        """Enters a name.

        Args:
            name: letters, digits and `_`, beginning with a letter.
            target: a class, or the import path "module:Class" of one; a callable in its place is called with the
                arguments.

        Raises:
            TypeError: a name that is no string, or a target that is neither.
            ValueError: a name of other characters, one that is taken by another target, or a path of another form.
        """
        if not isinstance(name, str):
            raise TypeError(f"name={name!r} must be a string, got {type(name).__name__}")
        if not NAME.fullmatch(name):
            raise ValueError(f"name={name!r} must consist of letters, digits and '_', and begin with a letter")
        if isinstance(target, str):
            _split(f"{self.kind} {name!r}", target)
        elif not callable(target):
            raise TypeError(f"{self.kind} {name!r}: {target!r} must be a class or an import path 'module:Class'")
        if self._targets.get(name, target) != target:
            raise ValueError(f"{self.kind} {name!r} is taken by {self._targets[name]!r}; choose another name")
        self._targets[name] = target

    def load(self, name: str) -> Any:
        """The target of a registered name, or of an import path "module:Class".

        Raises:
            ValueError: an unknown name, or a path that leads nowhere.
            ImportError: a module behind a registered name that lacks a library, which it names.
        """
        target = self._targets.get(name)
        if target is None:
            if ":" not in name:
                raise ValueError(
                    f"{self.kind}={name!r} must be one of {', '.join(self)}, or an import path 'module:Class'"
                )
            return load_object(name, self.kind)
        if not isinstance(target, str):
            return target
        module, attribute = _split(self.kind, target)
        return _attribute(import_module(module), attribute)

    def name_of(self, thing: Any) -> str | None:
        """The name that a class, or the import path of one, is registered under; None for another's.

        Nothing is imported: a class is compared with a path by where it says that it is defined.
        """
        path = thing if isinstance(thing, str) else path_of(thing)
        for name, target in self._targets.items():
            if target is thing or (
                path is not None and path == (target if isinstance(target, str) else path_of(target))
            ):
                return name
        return None


def load_object(path: str, argument: str = "import path") -> Any:
    """The object that the import path "module:attribute" stands for.

    Raises:
        ValueError: not of that form, nothing there, or a module that fails as it is imported.
        UntrustedPath: within `names_alone`.
    """
    module, attribute = _split(argument, path)
    check_trusted(argument, path)
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"{argument}={path!r}: {error}; check the spelling, or install what is missing") from error
    except Exception as error:
        raise ValueError(f"{argument}={path!r}: importing it raises {type(error).__name__}: {error}") from error
    try:
        return _attribute(loaded, attribute)
    except AttributeError:
        raise ValueError(f"{argument}={path!r}: the module {module!r} has no {attribute!r}") from None


def path_of(thing: Any) -> str | None:
    """The import path "module:Class" under which a class or function can be imported again; None where there is none,
    as of what a function or an interactive session defines."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not module or not name or module == "__main__" or "<" in name:
        return None
    return f"{module}:{name}"


def _split(argument: str, path: str) -> tuple[str, str]:
    if not PATH.fullmatch(path):
        raise ValueError(f"{argument}={path!r} must be an import path of the form 'module:Class'")
    module, _, attribute = path.partition(":")
    return module, attribute


def _attribute(module: Any, path: str) -> Any:
    found = module
    for name in path.split("."):
        found = getattr(found, name)
    return found
