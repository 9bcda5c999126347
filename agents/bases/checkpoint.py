"""Checkpoint files of agents: safetensors for arrays, JSON in the header for the rest. Reading executes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from agents.data.text_spec import TextSpec

FORMAT = "textgen-env agent"
VERSION = 1
# Layers whose names have changed since files of this version were first written.
RENAMED = {
    "lift": "embedding_projection",
    "queries_keys_values": "qkv",
    "join_heads": "attention_output",
    "widening_norm": "mlp_norm",
    "widen": "mlp_in",
    "narrow": "mlp_out",
    "weigh": "score_vector",
}


@dataclass(frozen=True)
class Checkpoint:
    """Saved state of an agent.

    Attributes:
        agent: the name of its class.
        spec: of the texts.
        config: its hyperparameters, JSON values.
        counters: whole numbers, such as tokens learned from.
        tensors: parameters, the optimiser's moments, states of random generators.
    """

    agent: str
    spec: TextSpec
    config: dict[str, Any]
    counters: dict[str, int]
    tensors: dict[str, Tensor]


def write_checkpoint(path: str | PathLike[str], checkpoint: Checkpoint) -> None:
    """Writes the file at once or not at all: what was at `path` before stays until the new one is whole."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "agent": checkpoint.agent,
        "spec": asdict(checkpoint.spec),
        "config": checkpoint.config,
        "counters": checkpoint.counters,
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    target = Path(path)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(save(tensors, {"header": json.dumps(header, default=_plain)}))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(path: str | PathLike[str], agent: str | None = None) -> Checkpoint:
    """Reads what `write_checkpoint` wrote of an agent of the class named `agent`, or of any.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such file format, truncated, another class or version, or numbers that are not finite.
    """
    name = fspath(path)
    if not Path(name).is_file():
        raise FileNotFoundError(f"path={name!r}: no such file; give the path that an agent was saved under")
    try:
        with safe_open(name, "pt") as file:
            header = json.loads((file.metadata() or {})["header"])
            tensors = {_present_name(key): file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        found = header["format"], header["version"], header["agent"]
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"path={name!r} is no saved agent, or is truncated: {error!r}") from None
    if found[:2] != (FORMAT, VERSION):
        raise ValueError(
            f"path={name!r} has format {found[0]!r} version {found[1]!r}; this code reads {FORMAT!r} {VERSION}"
        )
    if agent is not None and found[2] != agent:
        raise ValueError(f"path={name!r} holds a {found[2]}, not a {agent}; load it with {found[2]}.load")
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"path={name!r}: {key} holds numbers that are not finite")
    try:
        return Checkpoint(found[2], TextSpec(**header["spec"]), header["config"], header["counters"], tensors)
    except (KeyError, TypeError) as error:
        raise ValueError(f"path={name!r} is no saved agent: {error!r}") from None


def _present_name(key: str) -> str:
    """The name that a tensor now has."""
    return ".".join(RENAMED.get(part, part) for part in key.split("."))


def _plain(number: np.generic) -> int | float:
    """A hyperparameter that NumPy computed, as JSON has it."""
    plain: int | float = number.item()
    return plain


@contextmanager
def fitting_together(path: str | PathLike[str], agent: str) -> Iterator[None]:
    """For the block that builds an agent of a checkpoint: what goes wrong in it is the file's fault.

    Raises:
        ValueError: naming the file and the agent's class, in place of the block's own KeyError, TypeError, ValueError
            or RuntimeError.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"path={fspath(path)!r} holds a {agent} that does not fit together: {error}") from None
