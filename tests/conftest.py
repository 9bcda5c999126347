"""Fixtures of all tests: the real data, the registered ids, and small tasks that no id has."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils import seeding

from support.registered import REGISTERED, small
from textgen_env import BaseTask, Snapshot, SourceTable, Texts, Vocabulary
from textgen_env.environments import EnvRow
from textgen_env.tasks.base import pad


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds for environments that no test seeded: others within a test, the same each time, so none fails by chance."""
    seeds = itertools.count(1_000_000)
    monkeypatch.setattr("textgen_env.generators.unseeded_generator", lambda: np.random.default_rng(next(seeds)))
    monkeypatch.setattr("textgen_env.env.np_random", lambda: seeding.np_random(next(seeds)))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: $TEXTGEN_DATA, or ../shared/data beside the repository."""
    given = os.environ.get("TEXTGEN_DATA")
    path = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"no real data: {path} is no folder; point TEXTGEN_DATA at it")
    return path


@pytest.fixture(params=REGISTERED)
def env_row(request: pytest.FixtureRequest) -> EnvRow:
    """Each registered id in turn, as the table has it."""
    row: EnvRow = request.param
    return row


@pytest.fixture
def env_id(env_row: EnvRow) -> str:
    """Each registered id in turn."""
    return env_row.id


@pytest.fixture
def small_kwargs(env_row: EnvRow) -> dict[str, Any]:
    """Kwargs that make `env_id` fast to build, and its reward the same in every view."""
    return small(env_row)


@pytest.fixture(scope="session")
def plain() -> Callable[[Any], Any]:
    """Turns what an environment returns into something that compares with ==."""

    def convert(value: Any) -> Any:
        if isinstance(value, Snapshot):
            return convert(vars(value))
        if isinstance(value, dict):
            return {key: convert(entry) for key, entry in value.items()}
        if hasattr(value, "__array__"):
            value = np.asarray(value)
        if hasattr(value, "tolist"):
            value = value.tolist()
        return [convert(entry) for entry in value] if isinstance(value, list | tuple) else value

    return convert


@pytest.fixture
def refused(plain: Callable[[Any], Any]) -> Callable[..., AbstractContextManager[None]]:
    """A block that raises and leaves the environment's state, random generators included, as it was."""

    @contextmanager
    def block(env: Any, error: type[Exception], match: str) -> Iterator[None]:
        before = plain(env.unwrapped.snapshot())
        with pytest.raises(error, match=match):
            yield
        assert plain(env.unwrapped.snapshot()) == before

    return block


class EchoTask(BaseTask):
    """Conditional: write the source, 1 to 3 letters, and the end token (id 0)."""

    def __init__(self) -> None:
        letters = ["a", "b", "c"]
        self.vocabulary = Vocabulary(["<eos>", *letters], eos="<eos>", separator="")
        self.max_length = 4
        words = [list(word) for n in (1, 2, 3) for word in itertools.product(range(3), repeat=n)]
        sources = pad(words, 3, 3).tokens
        self.sources = SourceTable(Vocabulary(letters, separator=""), sources, np.arange(len(words))[::2])
        texts = pad([[letter + 1 for letter in word] + [0] for word in words], 4, self.vocabulary.blank_id)
        self._texts = texts._replace(sources=np.arange(len(words)))

    def training_sequences(self) -> Texts:
        return self._texts.copy()

    def test_sequences(self) -> Texts:
        return self._texts.copy()


class NoRepeatTask(BaseTask):
    """Masked: no token may follow itself, and the text begins with token 1. The end token is 0."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary(["<eos>", "a", "b", "c"], eos="<eos>")
        self.max_length = 5

    def allowed_tokens(self, tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        rows = np.arange(len(tokens))
        allowed = np.ones((len(tokens), 4), bool)
        begun = lengths > 0
        allowed[rows[begun], tokens[begun, lengths[begun] - 1]] = False
        allowed[~begun] = np.arange(4) == 1
        return allowed


@pytest.fixture
def echo_task() -> EchoTask:
    """A conditional task."""
    return EchoTask()


@pytest.fixture
def no_repeat_task() -> NoRepeatTask:
    """A task with masks."""
    return NoRepeatTask()
