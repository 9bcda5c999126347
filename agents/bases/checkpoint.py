"""Checkpoint files of agents: safetensors for arrays, JSON in the header for the rest, and a digest of both, which
reading checks. Reading executes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from agents.data.text_spec import TextSpec
from textgen_env.checks import is_whole
from textgen_env.files import DIGEST, DamagedFile, named_by, opened, write_whole

FORMAT = "textgen-env agent"
VERSION = 2
# Files of this version have no digest.
UNDIGESTED = 1
REMEDY = "load another file, or train and save the agent anew"
MOST_LENGTH = 2**31
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
    # As it will be read. One entry holds it all: the order of several is another in each process.
    plain = json.loads(json.dumps(header, default=_plain))
    content = save(tensors, {"header": json.dumps({**plain, DIGEST: digest_of(plain, tensors)})})
    write_whole(Path(path), lambda draft: draft.write_bytes(content))


def read_checkpoint(path: str | PathLike[str], agent: str | None = None) -> Checkpoint:
    """Reads what `write_checkpoint` wrote of an agent of the class named `agent`, or of any.

    Raises:
        FileNotFoundError: no such file.
        textgen_env.files.UnreadableFile: no such file format, truncated, changed, of another class or version, or
            numbers that are not finite.
    """
    with named_by("path", REMEDY):
        try:
            said, tensors = _content_of(path)
            header = json.loads(said)
            found = header["format"], header["version"], header["agent"]
        except FileNotFoundError:
            name = fspath(path)
            raise FileNotFoundError(
                f"path={name!r}: no such file; give the path that an agent was saved under"
            ) from None
        except (SafetensorError, KeyError, TypeError, RecursionError, json.JSONDecodeError) as error:
            raise DamagedFile(path, f"is no saved agent, or is truncated: {error!r}") from None
        if found[:2] not in ((FORMAT, VERSION), (FORMAT, UNDIGESTED)):
            raise DamagedFile(
                path, f"has format {found[0]!r} version {found[1]!r}; this code reads {FORMAT!r} {VERSION}"
            )
        if found[1] != UNDIGESTED and header.get(DIGEST) != digest_of(header, tensors):
            raise DamagedFile(path, "is not the saved agent that it was: its digest is of another content")
        if agent is not None and found[2] != agent:
            raise DamagedFile(path, f"holds a {found[2]}, not a {agent}", f"load it with {found[2]}.load")
        for key, tensor in tensors.items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise DamagedFile(path, f"is of no use: {key} holds numbers that are not finite")
        try:
            return Checkpoint(
                str(found[2]),
                _checked_spec(header["spec"]),
                dict(header["config"]),
                _checked_counters(header["counters"]),
                {_present_name(key): tensor for key, tensor in tensors.items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamagedFile(path, f"is no saved agent: {error!r}") from None


def digest_of(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all that a file holds: its header but for the digest, and of each tensor its name, type, shape and
    numbers."""
    said = {name: value for name, value in header.items() if name != DIGEST}
    found = sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        found.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _content_of(path: str | PathLike[str]) -> tuple[str, dict[str, Tensor]]:
    """The header and the tensors in a file; what stands there is looked at before it is opened."""
    with opened(path), safe_open(fspath(path), "pt") as file:
        return (file.metadata() or {})["header"], {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def _checked_spec(content: Mapping[str, Any]) -> TextSpec:
    spec = TextSpec(**content)
    for name, value in asdict(spec).items():
        if name == "eos_id" and value is None:
            continue
        least = 1 if name in ("vocab_size", "max_length") else 0
        if not is_whole(value) or not least <= value < MOST_LENGTH:
            raise ValueError(f"spec: {name}={value!r} must be a whole number >= {least} and below {MOST_LENGTH}")
    if spec.eos_id is not None and spec.eos_id >= spec.vocab_size:
        raise ValueError(f"spec: eos_id={spec.eos_id} must be below vocab_size={spec.vocab_size}")
    return spec


def _checked_counters(content: Mapping[str, Any]) -> dict[str, int]:
    for name, value in content.items():
        if not is_whole(value) or value < 0:
            raise ValueError(f"counters: {name}={value!r} must be a whole number >= 0")
    return dict(content)


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
        textgen_env.files.DamagedFile: naming the file and the agent's class, in place of the block's own KeyError,
            TypeError, ValueError, OverflowError, MemoryError or RuntimeError.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError, RuntimeError) as error:
        raise DamagedFile(path, f"holds a {agent} that does not fit together: {error}", REMEDY, "path") from None


def check_moments(name: str, found: dict[int, dict[str, Tensor]], parameters: list[Tensor]) -> None:
    """Refuses an optimiser's moments that are not those of Adam for these parameters.

    Raises:
        ValueError: of other parameters, of other shapes or types, or numbers that there cannot be.
    """
    for index, moments in found.items():
        if not 0 <= index < len(parameters) or moments.keys() != {"step", "exp_avg", "exp_avg_sq"}:
            raise ValueError(f"{name}.{index} has {sorted(moments)}, and there are {len(parameters)} parameters")
        for kind, tensor in moments.items():
            shape = torch.Size(()) if kind == "step" else parameters[index].shape
            if tensor.shape != shape or tensor.dtype != torch.float32:
                raise ValueError(
                    f"{name}.{index}.{kind} is {tensor.dtype} {tuple(tensor.shape)}, expected {tuple(shape)}"
                )
            if kind != "exp_avg" and (tensor < 0).any():
                raise ValueError(f"{name}.{index}.{kind} must not be below 0")


def checked_table(name: str, found: NDArray[Any], wanted: NDArray[Any]) -> NDArray[Any]:
    """A copy of a table that was found in a checkpoint.

    Raises:
        ValueError: of another shape or type than the one that is wanted.
    """
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        raise ValueError(f"{name} is {found.dtype} {found.shape}, expected {wanted.dtype} {wanted.shape}")
    return found.copy()
