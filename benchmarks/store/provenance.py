"""Provenance: the versions and the machine that a run is made with."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version

import textgen_env
from textgen_env.kernels import SWITCH

DISTRIBUTIONS = ("numpy", "torch", "numba", "gymnasium", "stable-baselines3", "sb3-contrib")
# Where one of these differs, the same seed may give other numbers: compiled loops round differently from plain ones.
DECISIVE = ("textgen-env", "numpy", "torch", "numba", "gymnasium")


def versions() -> dict[str, str]:
    """By name: the package, Python, the libraries there are, the machine."""
    return dict(_versions())


def installed(distributions: Sequence[str]) -> dict[str, str]:
    """The package, Python and those of `distributions` that are installed, by name."""
    found = {"textgen-env": textgen_env.__version__, "python": platform.python_version()}
    for name in distributions:
        try:
            found[name] = version(name)
        except ImportError:
            continue
    return found


@cache
def _versions() -> Mapping[str, str]:
    found = installed(DISTRIBUTIONS)
    if os.environ.get(SWITCH) == "0":
        found["numba"] = "switched off"
    return found | {"platform": platform.platform(), "processors": str(os.cpu_count())}


def decisive_differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """In words, the versions that may change a run's numbers: "torch 2.4.0 there, 2.5.0 here"."""
    return [
        f"{name} {there.get(name)} there, {here.get(name)} here"
        for name in DECISIVE
        if there.get(name) != here.get(name)
    ]
