"""Machine and versions that the figures were measured on and with."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.store.provenance import installed
from textgen_env.kernels import SWITCH

DISTRIBUTIONS = ("numpy", "torch", "numba", "gymnasium", "stable-baselines3", "sacrebleu", "jiwer")
ROOT = Path(__file__).resolve().parents[2]


def versions() -> dict[str, str]:
    """Name -> version of what is installed."""
    return installed(DISTRIBUTIONS)


def machine() -> dict[str, Any]:
    """The processor and how much of it is used."""
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "platform": platform.platform(),
    }


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def revision() -> str | None:
    """The git revision of the checkout, with "+changes" where files differ from it; None outside of one."""
    try:
        asked = [_git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")]
    except (OSError, subprocess.SubprocessError):
        return None
    return asked[0] + ("+changes" if asked[1] else "")


def uncompiled() -> str:
    """Why the plain NumPy paths are measured; empty where the compiled ones are."""
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0: the plain NumPy paths are measured, not the compiled ones"
    try:
        version("numba")
    except ImportError:
        return "numba is not installed: the plain NumPy paths are measured, not the compiled ones"
    return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()
