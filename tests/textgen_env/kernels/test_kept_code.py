"""Compiled code on disk that is torn, flipped, unreadable or out of room costs time, not the package, and no bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

# Two kernels, one that calls the other: some seconds to compile.
CODE = """
import sys, warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import numpy as np
    from textgen_env.kernels import kernels
    from textgen_env.metrics import edit_distance
    from textgen_env.kernels.compiling import kernel
    tokens = np.array([[1, 2, 3, 4], [1, 1, 2, 2]])
    lengths = np.array([4, 3])
    compiled = kernels("edit")
    print("compiled" if compiled is not None else "plain")
    found = compiled.edit_distances(tokens, lengths, tokens[::-1].copy(), lengths[::-1].copy()) if compiled else [3, 3]
    print([int(each) for each in found])
for each in said:
    print("warned", str(each.message))
"""


def run(cache: Path, **environment: str) -> list[str]:
    there = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=there, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    cache = tmp_path_factory.mktemp("cache")
    return cache, run(cache)


def files(cache: Path, ending: str) -> list[Path]:
    return sorted(cache.rglob(f"*edit_distances*{ending}"))


def test_what_is_kept_is_used_without_a_word(warm: tuple[Path, list[str]]) -> None:
    cache, said = warm
    assert said == ["compiled", said[1]]
    before = {path: path.stat().st_mtime_ns for path in [*files(cache, ".nbi"), *files(cache, ".nbc")]}
    assert len(before) == 2
    assert run(cache) == said
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", ["empty", "half", "flipped", "garbage", "longer"])
def test_a_damaged_file_is_compiled_anew_and_said_once(warm: tuple[Path, list[str]], damage: str, ending: str) -> None:
    cache, said = warm
    (path,) = files(cache, ending)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "empty": b"",
            "half": content[:middle],
            "flipped": content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :],
            "garbage": os.urandom(200),
            "longer": content + b"x",
        }[damage]
    )
    found = run(cache)
    assert found[:2] == said
    assert len(found) == 3
    assert f"compiled code in {path.parent} cannot be read (Damaged: {path.name} is not as it was written)" in found[2]
    assert "NUMBA_CACHE_DIR" in found[2]
    assert run(cache) == said


def test_a_folder_in_a_files_place_is_compiled_anew(warm: tuple[Path, list[str]], tmp_path: Path) -> None:
    cache, said = warm
    (path,) = files(cache, ".nbi")
    path.unlink()
    path.mkdir()
    found = run(cache)
    path.rmdir()
    assert found[:2] == said
    assert any("IsADirectoryError" in line for line in found[2:])
    assert run(cache) == said


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_keeps_nothing_and_plays(warm: tuple[Path, list[str]], tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        (mount / "filler").write_bytes(b"x" * (64 * 1024 - 8 * 4096))
        found = run(mount)
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert found[:2] == warm[1]
    assert any("cannot be kept (OSError" in line and "every process compiles it" in line for line in found[2:])


def test_a_compiler_that_fails_leaves_the_plain_path(tmp_path: Path) -> None:
    """Such as of a version of Numba's that has changed within."""
    code = (
        "import warnings, numba\n"
        "def broken(*args, **kwargs): raise TypeError('changed within')\n"
        "numba.njit = broken\n"
        "from textgen_env.kernels import kernels\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always')\n"
        "    print(kernels('edit'))\n"
        "print(len(said), said[0].message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "None"
    assert (
        "1 textgen_env runs without its compiled loops 'edit', and more slowly: TypeError: changed within"
        in done.stdout
    )
