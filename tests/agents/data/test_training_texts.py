"""Training texts come in passes: each text once a pass, in an order of the pass's own."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.data.text_spec import TextSpec
from agents.data.training_texts import TrainingTexts


def reader(seed: int = 0, env_id: str = "TextGen-Tiny-v0", **kwargs: int) -> TrainingTexts:
    """Of 100 texts, 32 at a time."""
    envs = gym.make_vec(env_id, num_envs=1, **(kwargs or {"train_size": 100}))
    return TrainingTexts(envs, TextSpec.from_envs(envs), 32, seed, torch.device("cpu"))


def rows_read(texts: TrainingTexts, numbers: range) -> list[list[int]]:
    """The texts of some batches as rows of the training data, told apart by a column that counts them."""
    texts._texts = texts._texts._replace(tokens=np.arange(texts.count)[:, None])
    return [texts.batch(number).tokens.squeeze(1).tolist() for number in numbers]


def test_every_text_is_read_once_a_pass_in_another_order_each_time() -> None:
    batches = rows_read(reader(), range(8))
    assert [len(batch) for batch in batches] == 2 * [32, 32, 32, 4]
    first, second = ([row for batch in part for row in batch] for part in (batches[:4], batches[4:]))
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    assert first != list(range(100))


def test_a_batch_is_a_function_of_seed_and_number() -> None:
    batches = rows_read(reader(5), range(12))
    assert rows_read(reader(5), range(11, -1, -1)) == batches[::-1]
    assert rows_read(reader(6), range(12)) != batches


def test_a_batch_holds_texts_lengths_and_sources() -> None:
    envs = gym.make_vec("TextGen-NumberWords-v0", num_envs=1, max_number=30)
    spec, task = TextSpec.from_envs(envs), envs.unwrapped.task
    data = task.training_sequences()
    batch = TrainingTexts(envs, spec, 7, 0, torch.device("cpu")).batch(1)
    pairs = {
        (tuple(source), tuple(text), int(length))
        for source, text, length in zip(task.sources.tokens[data.sources], data.tokens, data.lengths, strict=True)
    }
    assert batch.sources is not None
    for source, text, written in zip(batch.sources.tolist(), batch.tokens.tolist(), batch.written, strict=True):
        assert (tuple(source), tuple(text), int(written.sum())) in pairs
        assert written[: int(written.sum())].all()


def test_no_texts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=1)
    texts = envs.unwrapped.task.training_sequences()
    none = texts._replace(tokens=texts.tokens[:0], lengths=texts.lengths[:0])
    monkeypatch.setattr(envs.unwrapped.task, "training_sequences", lambda: none)
    with pytest.raises(ValueError, match="nothing to learn from"):
        TrainingTexts(envs, TextSpec.from_envs(envs), 32, 0, torch.device("cpu"))
