"""Refusal: how a command ends that cannot do what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console


def refusal(error: Exception) -> typer.Exit:
    """The end of the command, with exit status 2, after the error is printed."""
    Console(stderr=True).print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
    return typer.Exit(2)


@contextmanager
def refusing() -> Iterator[None]:
    """Within it, what a person can mend ends the command with a `refusal`: arguments, files, libraries that lack,
    agents that have diverged."""
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError, FloatingPointError) as error:
        raise refusal(error) from None
