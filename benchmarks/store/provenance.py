"""Provenance: what a run's numbers depend on beside its settings, and what machine it was made on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

import agents
import textgen_env
from textgen_env.kernels import SWITCH, kernels

DISTRIBUTIONS = ("numpy", "torch", "numba", "gymnasium", "stable-baselines3", "sb3-contrib")
# Where one of these differs, the same seed may give other numbers: compiled loops round differently from plain ones,
# and wider instructions add in another order. Threads and graphics cards are kept, but tell against nothing.
DECISIVE = ("textgen-env", "code", "numpy", "torch", "numba", "gymnasium", "loops", "instructions")
LOOPS = (
    "convolution",
    "distributions",
    "diversity",
    "draws",
    "edit",
    "gates",
    "ngrams",
    "one_text",
    "prefixes",
    "recurrent",
    "softmax",
    "steps",
)
# By these a person chooses among the instructions that the processor has.
CHOSEN_BY = ("ATEN_CPU_CAPABILITY", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_DISABLE_JIT", "MKL_CBWR")
# What decides a run's numbers; not what shows them.
ROOMS = ("evaluation", "measures", "policies", "running")


def versions() -> dict[str, str]:
    """By name: the package and its code, Python, the libraries there are, whether loops are compiled, the processor's
    instructions, the machine."""
    return {**_versions(), "loops": _loops(), "threads": _threads()}


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
    return installed(DISTRIBUTIONS) | {
        "code": code_digest(),
        "instructions": _instructions(),
        "platform": platform.platform(),
        "processors": str(os.cpu_count()),
    }


@cache
def code_digest() -> str:
    """SHA-256 of the code that a run's numbers come from, and of the data that lie in it: twelve hexadecimal digits."""
    package, bench = Path(textgen_env.__file__).parent, Path(__file__).parents[1]
    found = sha256()
    for folder in (package, Path(agents.__file__).parent, *(bench / room for room in ROOMS)):
        for path in sorted(each for each in folder.rglob("*") if each.suffix in (".py", ".json")):
            found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]


def _loops() -> str:
    """ "compiled", "plain", or which are plain."""
    if os.environ.get(SWITCH) == "0":
        return "plain"
    plain = [name for name in LOOPS if kernels(name) is None]
    return f"plain: {', '.join(plain)}" if 0 < len(plain) < len(LOOPS) else "plain" if plain else "compiled"


def _instructions() -> str:
    """The vector instructions that NumPy finds and uses, and what the person has chosen."""
    described: Mapping[str, Mapping[str, Sequence[str]]] = np.show_config(mode="dicts")  # type: ignore[assignment]
    found = described.get("SIMD Extensions", {})
    chosen = [f"{name}={os.environ[name]}" for name in CHOSEN_BY if name in os.environ]
    return " ".join([platform.machine(), *found.get("baseline", ()), *found.get("found", ()), *chosen])


def _threads() -> str:
    """Of torch, with the graphics cards that it uses; where it is not loaded, as the person has chosen."""
    torch = sys.modules.get("torch")
    if torch is None:
        return os.environ.get("OMP_NUM_THREADS", "not chosen")
    # To ask for a card's name takes memory on it.
    count = torch.cuda.device_count() if torch.cuda.is_initialized() else 0
    cards = [torch.cuda.get_device_name(each) for each in range(count)]
    return "; ".join([str(torch.get_num_threads()), *cards])


def decisive_differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """In words, the versions that may change a run's numbers: "torch 2.4.0 there, 2.5.0 here"."""
    return [
        f"{name} {there.get(name)} there, {here.get(name)} here"
        for name in DECISIVE
        if there.get(name) != here.get(name)
    ]
