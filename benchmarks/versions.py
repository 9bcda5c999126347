"""What a run is made with."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

import textgen_env

DISTRIBUTIONS = ("numpy", "torch", "gymnasium", "stable-baselines3", "sb3-contrib")
# Where one of these differs, the same seed may give other numbers.
DECISIVE = ("textgen-env", "numpy", "torch", "gymnasium")


def versions() -> dict[str, str]:
    """By name: the package, Python, the libraries there are, the machine."""
    return dict(_versions())


@cache
def _versions() -> Mapping[str, str]:
    found = {"textgen-env": textgen_env.__version__, "python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except ImportError:
            continue
    return found | {"platform": platform.platform(), "processors": str(os.cpu_count())}


def decisive_differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """In words, the versions that may change a run's numbers: "torch 2.4.0 there, 2.5.0 here"."""
    return [
        f"{name} {there.get(name)} there, {here.get(name)} here"
        for name in DECISIVE
        if there.get(name) != here.get(name)
    ]
