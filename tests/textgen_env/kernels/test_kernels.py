"""Compiled loops: where they are had from; metrics do not change where they cannot be had."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textgen_env import kernels as package
from textgen_env.kernels import SWITCH, kernels
from textgen_env.metrics import BleuScorer, distinct_n, edit_distance, self_bleu, word_error_rate

ROOT = Path(package.__file__).parents[2]
NAMES = sorted(path.stem for path in Path(package.__file__).parent.glob("[!_]*.py"))


@pytest.fixture(autouse=True)
def not_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


def texts() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    (tokens, others), (lengths, other_lengths) = rng.integers(6, size=(2, 40, 70)), rng.integers(71, size=(2, 40))
    return tokens, lengths, others, other_lengths


def figures_of_edits() -> list[int]:
    distances: list[int] = edit_distance(*texts()).tolist()
    return distances


def figures() -> list[Any]:
    tokens, lengths, others, other_lengths = texts()
    references = [row[:length].tolist() for row, length in zip(others, other_lengths, strict=True)]
    return [
        figures_of_edits(),
        word_error_rate(*texts()).tolist(),
        distinct_n(tokens, lengths, 3),
        self_bleu(tokens, lengths).tolist(),
        BleuScorer(references).score(tokens, lengths).tolist(),
    ]


def printed(program: str, directory: Path, **environment: str) -> Any:
    """The `answer` of a program in a new process, where every warning is an error and `textgen_env` is the one in
    `directory`; it may import this file too."""
    paths = os.pathsep.join([str(directory), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": paths, **environment}
    lines = f"import json, sys\n{program}\nprint(json.dumps(answer))"
    command = [sys.executable, "-W", "error", "-c", lines]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


FIGURES = "import test_kernels as tests\nanswer = [tests.kernels('edit') is None, tests.figures()]"


def assert_figures(answer: list[Any], plain: bool) -> None:
    """The figures are this process's, and come from the plain path if and only if they are to."""
    assert answer[0] is plain
    for value, expected in zip(answer[1], figures(), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_every_kernel_loads_once(name: str) -> None:
    module = kernels(name)
    assert module.__name__ == f"textgen_env.kernels.{name}"
    assert kernels(name) is module


def test_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = figures()
    monkeypatch.setenv(SWITCH, "0")
    assert kernels("edit") is None
    for value, compiled in zip(figures(), expected, strict=True):
        np.testing.assert_allclose(value, compiled, rtol=1e-12)
    monkeypatch.setenv(SWITCH, "1")
    assert kernels("edit") is not None


def test_an_unknown_kernel_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such"):
        kernels("no_such")


def test_of_other_errors_is_warned_and_the_plain_path_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        if name != "numba":
            raise RuntimeError("out of order")

    monkeypatch.setattr(package, "import_module", broken)
    with pytest.warns(RuntimeWarning, match=r"without its compiled loops 'not_loaded_before'.*out of order"):
        assert kernels("not_loaded_before") is None


def test_importing_the_package_does_not_import_numba() -> None:
    program = "import textgen_env, textgen_env.metrics\nanswer = sorted({'numba', 'llvmlite'} & set(sys.modules))"
    assert printed(program, ROOT) == []


def test_without_numba() -> None:
    assert_figures(printed(f"sys.modules['numba'] = None\n{FIGURES}", ROOT), plain=True)


def test_with_a_numba_that_refuses_this_numpy(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 1.0 or less')")
    answer = printed(f"sys.path.insert(0, {str(tmp_path)!r})\n{FIGURES}", ROOT)
    assert_figures(answer, plain=True)


@pytest.fixture
def unwritable(tmp_path: Path) -> dict[str, str]:
    """A copy of the package in `tmp_path`, and an environment, in which no folder for compiled code can be made.

    All the places lie below a regular file, for root may write into any folder.
    """
    shutil.copytree(ROOT / "textgen_env", tmp_path / "textgen_env", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "textgen_env" / "kernels" / "__pycache__").touch()
    (tmp_path / "file").touch()
    below = str(tmp_path / "file" / "folder")
    return {"NUMBA_CACHE_DIR": below, "HOME": below, "XDG_CACHE_HOME": below, "LOCALAPPDATA": below}


def test_where_no_cache_can_be_written(tmp_path: Path, unwritable: dict[str, str]) -> None:
    refused = """
import textgen_env
try:
    import textgen_env.kernels.edit
except RuntimeError as error:
    answer = [textgen_env.__file__, str(error)]
"""
    file, words = printed(refused, tmp_path, **unwritable)
    assert Path(file).is_relative_to(tmp_path)
    assert "cannot cache function" in words
    assert_figures(printed(FIGURES, tmp_path, **unwritable), plain=True)


def test_from_a_zip_archive(tmp_path: Path, unwritable: dict[str, str]) -> None:
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path, "textgen_env")
    shutil.rmtree(tmp_path / "textgen_env")
    answer = printed(f"sys.path.insert(0, {archive!r})\n{FIGURES}", tmp_path, **unwritable)
    assert_figures(answer, plain=True)


def test_compiled_code_is_kept(tmp_path: Path) -> None:
    """The second process compiles nothing."""
    program = """
import test_kernels as tests
distances = tests.figures_of_edits()
stats = tests.kernels("edit").edit_distances.stats
answer = [distances, sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]
"""
    first, second = (printed(program, ROOT, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first == [figures_of_edits(), 0, 1]
    assert second == [figures_of_edits(), 1, 0]


def test_compiled_code_is_renewed_when_any_kernel_changes() -> None:
    """Numba looks at a function's own file alone; the name it is kept under tells of all of them."""
    pytest.importorskip("numba")
    from textgen_env.kernels.compiling import source_digest

    for name in NAMES:
        if name in ("compiling", "hashing", "kept_code"):
            continue
        loops = [value for value in vars(kernels(name)).values() if hasattr(value, "py_func")]
        assert loops, name
        assert all(loop.py_func.__qualname__.endswith(source_digest()) for loop in loops), name


def test_the_digest_tells_of_every_file(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    from textgen_env.kernels.compiling import digest_of

    (tmp_path / "a.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    before = digest_of(tmp_path)
    assert digest_of(tmp_path) == before
    (tmp_path / "b.py").write_text("3")
    assert digest_of(tmp_path) != before


def bits_of_sums() -> str:
    """Of what the kernels that add in any order make of rows of many lengths."""
    recurrent, softmax, distributions = kernels("recurrent"), kernels("softmax"), kernels("distributions")
    rng = np.random.default_rng(0)
    digest = hashlib.sha256()
    for size in (7, 100, 500, 9_000):
        logits = 3 * rng.standard_normal((40, size), np.float32)
        logits[::2] += 70  # beyond what is added up without its maximum
        tokens, found = rng.integers(size, size=40), np.empty(40, np.float32)
        softmax.log_probs(logits, tokens, found)
        softmax.draw(logits, rng.random(40), tokens)
        digest.update(found.tobytes() + tokens.tobytes())
        softmax.draw_finite(logits.copy(), logits[0], rng.random(40), tokens)
        digest.update(tokens.tobytes())
        log_sums, entropies = np.empty((40, 2), np.float32), np.empty(40, np.float32)
        distributions.describe(logits, tokens, log_sums, found, entropies)
        distributions.differentiate(logits, tokens, log_sums, entropies, found, entropies)
        digest.update(log_sums.tobytes() + found.tobytes() + entropies.tobytes() + logits.tobytes())
    for width, hidden_size in ((5, 12), (32, 32), (11, 16)):
        for name, gates in (("lstm", 4), ("gru", 3)):
            shapes = (50, width), (gates * hidden_size, width), (gates * hidden_size, hidden_size)
            parameters = [rng.standard_normal(shape, np.float32) for shape in (*shapes, *2 * [shapes[1][:1]])]
            states = [rng.standard_normal((6, hidden_size), np.float32) for _ in range(1 + (name == "lstm"))]
            after = [np.empty_like(state) for state in states]
            getattr(recurrent, name)(rng.integers(50, size=6), *parameters, *states, *after)
            digest.update(b"".join(part.tobytes() for part in after))
    return digest.hexdigest()


def test_code_compiled_now_and_code_kept_compute_the_same_bits(tmp_path: Path) -> None:
    """A kernel's file holds copies of the kernels that it calls, optimised anew: were those to run where the file is
    read, and the originals where it is written, sums in any order would differ in their last bits."""
    program = "from test_kernels import bits_of_sums; answer = bits_of_sums()"
    fresh, kept = (printed(program, ROOT, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert fresh == kept == bits_of_sums()


# Keeps a kernel that rounds freely only when another process has long kept its own, and those that call it.
SLOW = """
import time
from numba.core import caching
inner = caching.FunctionCache.save_overload
def save(self, signature, data):
    if "_sum_exp" in self._name:
        time.sleep(3)
    inner(self, signature, data)
caching.FunctionCache.save_overload = save
"""


def test_processes_that_compile_at_once_leave_the_same_bits(tmp_path: Path) -> None:
    """One that has compiled other kernels before, as the workers of a test run have, beside one that has not."""
    program = "from test_kernels import bits_of_sums, figures_of_edits"
    answer = "answer = bits_of_sums()"
    with ThreadPoolExecutor(2) as pool:
        programs = (f"{SLOW}\n{program}\n{answer}", f"{program}\nfigures_of_edits()\n{answer}")
        together = pool.map(lambda each: printed(each, ROOT, NUMBA_CACHE_DIR=str(tmp_path)), programs)
        bits = {*together, printed(f"{program}\n{answer}", ROOT, NUMBA_CACHE_DIR=str(tmp_path))}
    assert bits == {printed(f"{program}\n{answer}", ROOT, NUMBA_CACHE_DIR=str(tmp_path / "alone"))}
