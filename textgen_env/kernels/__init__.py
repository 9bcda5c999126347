"""Loops over token arrays, compiled by Numba where it is installed.

Nothing here is imported by name at a module's top: `kernels("edit")` loads `textgen_env.kernels.edit` when it is first
needed, or answers None where it cannot be had, and its caller then takes the plain NumPy path, which gives the same
values. Compiled code is kept on disk beside the source, or in Numba's own cache folder (`NUMBA_CACHE_DIR`).
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

SWITCH = "TEXTGEN_COMPILED"


def kernels(name: str) -> Any:
    """The compiled module `textgen_env.kernels.<name>`, or None.

    None where Numba is missing or does not fit the installed NumPy, where no folder for compiled code can be written
    (each process would compile anew, for seconds), where the package is read from a zip archive, or where the
    environment variable TEXTGEN_COMPILED is "0".
    """
    return None if os.environ.get(SWITCH) == "0" else _loaded(name)


class Kept:
    """Compiled module that is looked up once, by what calls it at every token; a copy looks it up anew.

    Attributes:
        module: as `kernels(name)` gave it.
    """

    def __init__(self, name: str) -> None:
        self.module = kernels(name)
        self._name = name

    def __reduce__(self) -> tuple[type[Kept], tuple[str]]:
        return Kept, (self._name,)


@cache
def _loaded(name: str) -> Any:
    # For code in an archive Numba chooses a folder unseen, and fails at the first call where it cannot be written.
    if not Path(__file__).exists():
        return None
    try:
        import_module("numba")
    # Numba refuses a NumPy that is newer than it knows with an ImportError too.
    except ImportError:
        return None
    module = f"textgen_env.kernels.{name}"
    try:
        return import_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == module:
            raise
        # Numba's words, at decoration, where neither the source's folder nor the user's can be written.
        if not (isinstance(error, RuntimeError) and "cannot cache function" in str(error)):
            # The plain path gives the same values: no fault of the compiler's, or of a folder's, is to stop a game.
            warnings.warn(
                f"textgen_env runs without its compiled loops {name!r}, and more slowly: {type(error).__name__}: "
                f"{error}",
                RuntimeWarning,
                stacklevel=3,
            )
        return None
