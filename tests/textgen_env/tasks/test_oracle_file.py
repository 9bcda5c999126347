"""The oracle's file: read without being executed, and refused by name when it is no oracle."""

from __future__ import annotations

import os
import pickle
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from textgen_env.archives import MOST_BYTES
from textgen_env.files import NoRegularFile, TooLarge
from textgen_env.tasks.oracle import OracleTask, load_oracle, random_oracle


@pytest.fixture(scope="module")
def oracle_arrays() -> dict[str, np.ndarray]:
    """A small oracle as the file holds it."""
    state = {key: value.numpy() for key, value in random_oracle(7, seed=0, size=3).state_dict().items()}
    arrays = {"embeddings": state["embedding.weight"], "Wo": state["output.weight"].T, "bo": state["output.bias"]}
    for gate, part in zip(("i", "f", "c", "og"), range(4), strict=True):
        rows = slice(3 * part, 3 * part + 3)
        arrays[f"W{gate}"] = state["rnn.weight_ih_l0"][rows].T
        arrays[f"U{gate}"] = state["rnn.weight_hh_l0"][rows].T
        arrays[f"b{gate}"] = state["rnn.bias_ih_l0"][rows]
    return arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_oracle_file_is_read(
    save: Callable[..., None], oracle_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    save(tmp_path / "oracle.npz", **oracle_arrays)
    read = load_oracle(tmp_path / "oracle.npz").state_dict()
    for key, value in random_oracle(7, seed=0, size=3).state_dict().items():
        assert torch.equal(read[key], value)
    env = gymnasium.make("TextGen-Oracle-v0", oracle=str(tmp_path / "oracle.npz"))
    assert env.action_space.n == 7


def test_an_oracle_file_of_another_size(oracle_arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = str(tmp_path / "oracle.npz")
    np.savez(path, **oracle_arrays)
    with pytest.raises(ValueError, match=r"vocab_size=100, but the oracle '.*oracle.npz' has 7 tokens; leave it out"):
        gymnasium.make("TextGen-OracleSmall-v0", oracle=path)
    assert gymnasium.make("TextGen-OracleSmall-v0", oracle=path, vocab_size=None).action_space.n == 7


def test_a_missing_oracle_file(tmp_path: Path) -> None:
    path = str(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match=rf"oracle='{re.escape(path)}': no such file; give the path"):
        gymnasium.make("TextGen-Oracle-v0", oracle=path)
    with pytest.raises(NoRegularFile, match=rf"oracle='{re.escape(str(tmp_path))}' is a folder, where a file must"):
        gymnasium.make("TextGen-Oracle-v0", oracle=str(tmp_path))
    with pytest.raises(TypeError, match=r"oracle=3 must be the path of an .npz file, got int"):
        gymnasium.make("TextGen-Oracle-v0", oracle=3)


def changed(arrays: dict[str, np.ndarray], **changes: Any) -> dict[str, np.ndarray]:
    """The arrays with some put in place of others; None leaves one out."""
    return {key: value for key, value in (arrays | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Wo": None}, r"array 'Wo' is missing; it has \["),
        ({"embeddings": None}, r"needs the matrices embeddings \(V, E\) and Ui \(H, H\) among others"),
        ({"embeddings": np.zeros(7)}, r"needs the matrices embeddings"),
        ({"Ui": np.zeros(3)}, r"needs the matrices embeddings"),
        ({"bo": np.zeros(6)}, r"array 'bo' has shape \(6,\), expected \(7,\)"),
        ({"Uc": np.zeros((3, 4))}, r"array 'Uc' has shape \(3, 4\), expected \(3, 3\)"),
        (
            {"embeddings": np.zeros((0, 3)), "Wo": np.zeros((3, 0)), "bo": np.zeros(0)},
            r"array 'embeddings' has shape \(0, 3\)",
        ),
        ({"Wi": np.full((3, 3), np.nan)}, r"array 'Wi' must hold finite floating-point numbers"),
        ({"bf": np.array([0.0, np.inf, 0.0])}, r"array 'bf' must hold finite floating-point numbers"),
        ({"bf": np.array([0.0, 1e300, 0.0])}, r"array 'bf' must hold finite .* within float32's range"),
        ({"bo": np.zeros(7, np.int64)}, r"array 'bo' must hold finite floating-point numbers"),
        ({"bo": np.array(["a"] * 7)}, r"array 'bo' must hold finite floating-point numbers"),
    ],
)
def test_an_oracle_file_with_wrong_arrays(
    changes: dict[str, Any], message: str, oracle_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    np.savez(tmp_path / "oracle.npz", **changed(oracle_arrays, **changes))
    with pytest.raises(ValueError, match=rf"oracle='.*oracle.npz' holds no oracle: {message}"):
        OracleTask(oracle=tmp_path / "oracle.npz")


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_an_oracle_file_is_never_executed(oracle_arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    trap = np.array([Trap(sprung)] * 7, dtype=object)
    np.savez(tmp_path / "objects.npz", **changed(oracle_arrays, bo=trap))
    np.save(tmp_path / "objects.npy", trap, allow_pickle=True)
    (tmp_path / "oracle.pkl").write_bytes(pickle.dumps(trap))
    for path in ("objects.npz", "objects.npy", "oracle.pkl"):
        with pytest.raises(ValueError, match=rf"oracle='.*{path}' is no readable .npz of plain arrays"):
            OracleTask(oracle=tmp_path / path)
    assert not sprung.exists()


def test_files_that_are_no_npz(oracle_arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", oracle_arrays["Wo"])
    (tmp_path / "text.npz").write_text("embeddings, Wi, Ui\n")
    (tmp_path / "empty.npz").write_bytes(b"")
    for path in ("one.npy", "text.npz", "empty.npz"):
        with pytest.raises(ValueError, match=rf"oracle='.*{path}' is no readable .npz of plain arrays"):
            OracleTask(oracle=tmp_path / path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_or_damaged_oracle_file(
    save: Callable[..., None], oracle_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "oracle.npz"
    save(path, **oracle_arrays)
    whole = path.read_bytes()
    for size in np.linspace(1, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"oracle='.*oracle.npz' is no readable .npz of plain arrays"):
            OracleTask(oracle=path)
    rng = np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for position in rng.integers(len(whole), size=3):
            damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        # Nothing else is raised; and what is damaged may be nothing that is read, such as a date.
        with suppress(ValueError):
            assert torch.isfinite(load_oracle(path).output.weight).all()


def header(shape: tuple[int, ...]) -> bytes:
    """What stands before an array of that shape in its file."""
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_an_oracle_file_that_unpacks_to_more_than_it_may(oracle_arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Members that are not asked for are not unpacked, and what is asked for is measured by what it declares."""
    path, zeros = tmp_path / "oracle.npz", bytes(2**26)
    np.savez(path, **oracle_arrays)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", header((2**24,)) + zeros)
    tracemalloc.start()
    load_oracle(path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    np.savez(path, **changed(oracle_arrays, Wo=None))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Wo.npy", header((3, MOST_BYTES)) + bytes(100))
    with pytest.raises(ValueError, match=r"has 228 bytes of array 'Wo', which declares"):
        load_oracle(path)


def test_an_archive_that_declares_more_than_is_read(oracle_arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "oracle.npz"
    np.savez(path, **changed(oracle_arrays, Wo=None))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Wo.npy", header((3, MOST_BYTES // 12 + 1)) + bytes(100))
    content = path.read_bytes()
    # The directory of the archive says how large the member is.
    with zipfile.ZipFile(path) as archive:
        small = archive.getinfo("Wo.npy").file_size
    size = len(header((3, MOST_BYTES // 12 + 1))) + 12 * (MOST_BYTES // 12 + 1)
    path.write_bytes(content.replace(small.to_bytes(4, "little"), size.to_bytes(4, "little")))
    with pytest.raises(
        TooLarge, match=rf"oracle='.*oracle.npz' declares arrays of \d+ bytes, and at most {MOST_BYTES}"
    ):
        load_oracle(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes that have names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "oracle.npz")
    with pytest.raises(NoRegularFile, match="is a pipe, where a file must stand"):
        load_oracle(tmp_path / "oracle.npz")
