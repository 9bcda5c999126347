"""Texts as data sets of Minari, which offline libraries such as d3rlpy read; and back as training texts of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from textgen_env.checks import check_at_least
from textgen_env.tasks.base import Task, pad
from textgen_env.vocabulary import Texts
from textgen_env.wrappers.uniform_info import UniformInfo, core_view


def record(
    env: gymnasium.Env[Any, Any],
    predict: Callable[..., tuple[Any, Any]],
    dataset_id: str,
    episodes: int,
    seed: int = 0,
    **about: Any,
) -> Any:
    """Plays whole texts and keeps them as a Minari data set, with the text in every step's infos.

    Args:
        env: of texts, single; the data set's observations are what it shows. d3rlpy takes a Box of numbers:
            `wrappers.OneHotObservation(gym.make(id))`.
        predict: `agent.predict` of the agents here or of Stable-Baselines3's models: it is shown token ids (1, T),
            whatever `env` shows, and draws; its state is carried through a text.
        dataset_id: "name/what-v0", as Minari has them; where they lie is `MINARI_DATASETS_PATH`.
        episodes: texts, >= 1.
        seed: of the first text's reset; the others draw on from it.
        about: further arguments of Minari's `create_dataset`, such as `author` and `algorithm_name`.

    Returns:
        The `minari.MinariDataset`.

    Raises:
        TypeError: no environment of texts.
        ValueError: an id that is taken, as Minari says it.
        ImportError: Minari is not installed.
    """
    from minari import DataCollector

    check_at_least("episodes", episodes)
    core = core_view(env).core
    collector = DataCollector(UniformInfo(env), record_infos=True)
    for episode in range(episodes):
        collector.reset(seed=seed if episode == 0 else None)
        state, started, over = None, np.ones(1, np.bool_), False
        while not over:
            actions, state = predict(core.observations(), state, started, False)
            _, _, terminated, truncated, _ = collector.step(int(actions[0]))
            started, over = np.zeros(1, np.bool_), terminated or truncated
    return collector.create_dataset(dataset_id=dataset_id, **about)


def texts_of(dataset: Any, task: Task) -> Texts:
    """The texts of a Minari data set that `record` made, in its order.

    Args:
        dataset: `minari.load_dataset(dataset_id)`.
        task: of the environment that they were written in.

    Raises:
        ValueError: no texts of this task, or infos without the rows of its sources.
    """
    written, rows = [], []
    for episode in dataset.iterate_episodes():
        written.append([int(token) for token in episode.actions])
        if task.sources is not None:
            if "source_row" not in (episode.infos or {}):
                raise ValueError("dataset holds no infos['source_row'], which a conditional task needs: record() it")
            rows.append(int(episode.infos["source_row"][0]))
    strange = sorted({token for text in written for token in text if not 0 <= token < len(task.vocabulary)})
    if strange:
        raise ValueError(f"dataset holds the token {strange[0]}; the task's are 0 to {len(task.vocabulary) - 1}")
    texts = pad(written, task.max_length, task.vocabulary.blank_id)
    return Texts(texts.tokens, texts.lengths, np.array(rows, np.int64) if task.sources is not None else None)


def arrays_of(dataset: Any) -> dict[str, Any]:
    """A Minari data set as the arrays that d3rlpy takes: `d3rlpy.dataset.MDPDataset(**arrays_of(dataset))`.

    An episode of T steps has T + 1 observations. d3rlpy pairs each with an action, so the last is left out; its own
    `get_minari` (2.8) keeps it, and so moves the observations of every later episode.

    Args:
        dataset: `minari.load_dataset(dataset_id)`, whose observations are arrays.

    Returns:
        `observations` (M, ...), `actions` (M, 1), `rewards` (M, 1), `terminals` (M,), `timeouts` (M,) of all M steps.
    """
    episodes = list(dataset.iterate_episodes())
    terminals = np.concatenate([each.terminations for each in episodes]).astype(np.float32)
    timeouts = np.concatenate([each.truncations for each in episodes]).astype(np.float32)
    return {
        "observations": np.concatenate([each.observations[:-1] for each in episodes]),
        "actions": np.concatenate([each.actions for each in episodes])[:, None],
        "rewards": np.concatenate([each.rewards for each in episodes])[:, None],
        "terminals": terminals,
        "timeouts": timeouts * (1 - terminals),
    }


class TaskWithTexts:
    """A task whose training texts are others: `gym.make_vec(id, task=TaskWithTexts(task, texts))`.

    Agents that learn from the task's data, such as MLE, or Off-policy with `learns_from="data"`, learn from them. All
    else, the references that BLEU compares with included, is as it was.

    Args:
        task: what is written.
        texts: of it, in place of `training_sequences()`.
    """

    def __init__(self, task: Task, texts: Texts) -> None:
        self.task, self.texts = task, texts
        self.vocabulary, self.max_length, self.sources = task.vocabulary, task.max_length, task.sources
        self.allowed_tokens, self.test_sequences, self.references = (
            task.allowed_tokens,
            task.test_sequences,
            task.references,
        )

    def training_sequences(self) -> Texts:
        """The other texts."""
        return self.texts

    def __getattr__(self, name: str) -> Any:
        # What a reward asks of one kind of task, such as the oracle's model. A copy that is being made has no task yet.
        if name == "task":
            raise AttributeError(name)
        return getattr(self.task, name)
