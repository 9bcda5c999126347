"""Minari and d3rlpy: texts recorded, read, imitated, learned from."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from agents.baselines.uniform import Uniform
from support.client_scripts import trained
from textgen_env.integrations.minari import arrays_of, record, texts_of

minari = pytest.importorskip("minari", reason="minari is not installed: make clients makes an environment for it")
pytest.importorskip("d3rlpy", reason="d3rlpy is not installed: make clients makes an environment for it")
# Libraries warn of their own affairs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    yield
    # Minari's recorder leaves its folder to be found as garbage, with a warning: here it is one of those ignored.
    gc.collect()


def test_texts_come_back_as_they_were_written() -> None:
    envs = gymnasium.make_vec("TextGen-NumberWords-v0", num_envs=1, max_number=99)
    env = gymnasium.make("TextGen-NumberWords-v0", max_number=99)
    kept = record(env, Uniform(envs, seed=0).predict, "textgen/uniform-v0", 20, algorithm_name="uniform")
    task = envs.unwrapped.task
    texts = texts_of(minari.load_dataset("textgen/uniform-v0"), task)
    assert len(texts.tokens) == kept.total_episodes == 20
    scores = envs.unwrapped.score(texts.tokens, texts.lengths, texts.sources)
    episodes = list(kept.iterate_episodes())
    np.testing.assert_allclose(scores, [each.rewards.sum() for each in episodes])
    assert len(set(texts.sources.tolist())) > 5
    last = [each.infos["text"][-1] for each in episodes]
    assert [text.decode() if isinstance(text, bytes) else text for text in last] == [
        task.vocabulary.decode(row) for row in texts.tokens
    ]
    assert kept.recover_environment().unwrapped.task.max_length == task.max_length


def test_d3rlpy_and_the_off_policy_agent_learn_from_them() -> None:
    writer, imitation, off_policy = trained(
        "minari_texts", "TextGen-NumberWords-v0", 50_000, steps=1_000, max_number=99
    )
    # Uniform tokens earn 0.06.
    assert writer > 0.5
    assert imitation > 0.5
    assert off_policy > 0.5


def test_an_observation_stands_beside_the_token_that_followed_it() -> None:
    env = gymnasium.make("TextGen-Tiny-v0")
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=1)
    arrays = arrays_of(record(env, Uniform(envs, seed=0).predict, "textgen/tiny-v0", 10))
    written = (arrays["observations"] < 4).sum(1)
    starts = np.flatnonzero(written == 0)
    assert len(starts) == 10
    for step in np.setdiff1d(np.arange(len(written)), starts):
        assert arrays["observations"][step, written[step] - 1] == arrays["actions"][step - 1, 0]
    assert arrays["terminals"].sum() == 10
    assert not arrays["timeouts"].any()
