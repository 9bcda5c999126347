"""Functions of a user's that write into the arrays they are handed do not reach the game."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import textgen_env
from textgen_env.tasks.number_words import NumberWordsTask
from textgen_env.tasks.tiny import TinyTask

METHODS = ("terms", "begin", "extend", "episodes_ended")


class Writes(textgen_env.BaseReward):
    """Reward that writes into one of the arrays that one of its methods is handed."""

    def __init__(self, method: str, array: str) -> None:
        self.method, self.array, self.refused = method, array, 0

    def _write(self, method: str, tokens: Any, lengths: Any, sources: Any) -> None:
        if method != self.method or (sources is None and self.array.startswith("sources")):
            return
        arrays = {"tokens": tokens, "lengths": lengths}
        if sources is not None:
            arrays |= {"sources.indices": sources.indices, "sources.tokens": sources.tokens}
        try:
            arrays[self.array][...] = 0
        except ValueError as error:
            self.refused += "read-only" in str(error)

    def score(self, tokens: Any, lengths: Any, sources: Any = None) -> Any:
        return lengths * 1.0

    def terms(self, tokens: Any, lengths: Any, sources: Any = None) -> Any:
        self._write("terms", tokens, lengths, sources)
        return super().terms(tokens, lengths, sources)

    def begin(self, tokens: Any, lengths: Any, sources: Any = None) -> Any:
        self._write("begin", tokens, lengths, sources)
        return super().begin(tokens, lengths, sources)

    def extend(self, state: Any, tokens: Any, lengths: Any, sources: Any = None) -> Any:
        self._write("extend", tokens, lengths, sources)
        return super().extend(state, tokens, lengths, sources)

    def episodes_ended(self, tokens: Any, lengths: Any, sources: Any = None) -> None:
        self._write("episodes_ended", tokens, lengths, sources)


class Plain(Writes):
    """The same that writes nowhere."""

    def __init__(self) -> None:
        super().__init__("", "")


def history(task: Any, reward: Any, reward_mode: Any, mode: AutoresetMode = AutoresetMode.SAME_STEP) -> list[Any]:
    envs = textgen_env.TextGenVectorEnv(task, reward, 4, reward_mode=reward_mode, autoreset_mode=mode)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    seen: list[Any] = []
    for _ in range(12):
        masks = envs.action_masks()
        observation, rewards, terminated, _, infos = envs.step((rng.random(masks.shape) * masks).argmax(1))
        if "final_info" in infos:
            infos = infos["final_info"]
        ended = {name: np.asarray(infos[name]) for name in ("tokens", "length", "text", "source_row") if name in infos}
        seen.append([observation, rewards, terminated, ended, envs.core.source_indices, envs.core.lengths.copy()])
    return seen


@pytest.mark.parametrize("array", ["tokens", "lengths", "sources.indices", "sources.tokens"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ["alone", "in a sum"])
def test_a_reward_that_writes_is_refused(form: str, method: str, array: str) -> None:
    task: Any = NumberWordsTask(max_number=50) if array.startswith("sources") else TinyTask()
    mode: Any = "dense" if method in ("begin", "extend") else "terminal"
    writes, plain = Writes(method, array), Plain()
    rewards: list[Any] = [writes, plain]
    if form == "in a sum":
        rewards = [textgen_env.combine((1.0, each), (0.5, "constant")) for each in rewards]
    found, expected = (history(task, each, mode) for each in rewards)
    np.testing.assert_equal(found, expected)
    assert writes.refused > 0


class WritingTask(TinyTask):
    """Task whose mask writes into what it is handed."""

    array = "tokens"
    refused = 0

    def allowed_tokens(self, tokens: Any, lengths: Any) -> Any:
        try:
            {"tokens": tokens, "lengths": lengths}[self.array][...] = 0
        except ValueError:
            self.refused += 1
        return np.ones((len(tokens), len(self.vocabulary)), bool)


@pytest.mark.parametrize("array", ["tokens", "lengths"])
def test_a_mask_that_writes_is_refused(array: str) -> None:
    task, plain = WritingTask(), WritingTask()
    task.array, plain.array = array, "neither"
    plain.allowed_tokens = TinyTask.allowed_tokens.__get__(plain)  # type: ignore[method-assign]
    found, expected = (history(each, "table", "terminal") for each in (task, plain))
    np.testing.assert_equal(found, expected)
    assert task.refused > 0
    envs = textgen_env.TextGenVectorEnv(task, "table", 2)
    envs.reset(seed=0, options={"prefix": [1, 2, 3]})
    assert envs.core.tokens[0].tolist()[:3] == [1, 2, 3]


@pytest.mark.parametrize("mode", ["terminal", "dense"])
def test_a_function_has_arrays_of_its_own(mode: Any) -> None:
    def writes(tokens: Any, lengths: Any) -> Any:
        scores = lengths * 1.0
        tokens[...] = 0
        lengths[...] = 0
        return scores

    found = history(TinyTask(), writes, mode)
    expected = history(TinyTask(), lambda tokens, lengths: lengths * 1.0, mode)
    np.testing.assert_equal(found, expected)


def test_arrays_that_a_caller_gets_are_the_callers() -> None:
    """Observations, infos and snapshots can be written to, and the game does not see it."""
    envs = textgen_env.TextGenVectorEnv(TinyTask(), Plain(), 2, autoreset_mode="Disabled")
    observation: Any = envs.reset(seed=0)[0]
    observation[...] = 3
    assert (envs.core.tokens == 4).all()
    infos: Any = {}
    while "tokens" not in infos:
        infos = envs.step([1, 1])[4]
    before = envs.core.tokens.copy()
    infos["tokens"][0][...] = 2
    envs.snapshot().tokens[...] = 2
    assert np.array_equal(envs.core.tokens, before)
