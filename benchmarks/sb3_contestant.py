"""Algorithms of Stable-Baselines3 and sb3-contrib as contestants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecMonitor

from agents.base import Progress
from agents.rollout import Predict
from benchmarks.contestants import NoLikelihood, Watch, source_tokens
from benchmarks.environments import device_kwargs
from benchmarks.specs import Run, load_object
from textgen_env import Task, Texts
from textgen_env.sb3 import make_sb3_vec_env, policy_kwargs

CHUNK = 1_000


class SB3Contestant:
    """An algorithm of Stable-Baselines3, unmodified, on the suite's VecEnv with the suite's features extractor.

    Its own file format is pickle, which this project does not read: nothing is kept of a run under way, and one that
    was interrupted begins anew.
    """

    def __init__(self, run: Run) -> None:
        row = run.row
        algorithm = load_object(row.agent)
        kwargs = {**device_kwargs(run.env_id, run.env_kwargs, run.device), **run.env_kwargs}
        envs = VecMonitor(make_sb3_vec_env(run.env_id, row.num_envs, run.seed, **kwargs))
        self.model: Any = algorithm(
            row.policy,
            envs,
            seed=run.seed,
            device=run.device,
            policy_kwargs=policy_kwargs(**row.policy_kwargs),
            **row.hyperparameters,
        )
        self.predict: Predict = self.model.predict

    def train(self, total_tokens: int, watch: Watch) -> None:
        """`learn`, watched before each rollout: there the policy is one that an update has just made."""
        self.model.learn(total_tokens, callback=_Watcher(watch))

    @contextmanager
    def drawing(self, seed: int) -> Iterator[None]:
        """`predict` draws from torch's global generator, which training goes on with afterwards."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield

    @torch.no_grad()
    def log_prob(self, texts: Texts, task: Task) -> NDArray[np.float64]:
        """sum_t log pi(x_t | x_<t): the policy's distribution after each prefix of each text."""
        policy = self.model.policy
        # A recurrent policy reads its own state rather than the prefix alone.
        if not isinstance(policy, ActorCriticPolicy) or hasattr(policy, "lstm_actor"):
            raise NoLikelihood(f"{type(self.model).__name__}'s policy gives no distribution for a prefix")
        policy.set_training_mode(False)
        totals = np.zeros(len(texts.tokens))
        sources = source_tokens(texts, task)
        for t in range(texts.tokens.shape[1]):
            prefixes = texts.tokens.copy()
            prefixes[:, t:] = task.vocabulary.blank_id
            rows = np.flatnonzero(texts.lengths > t)
            for begun in range(0, len(rows), CHUNK):
                part = rows[begun : begun + CHUNK]
                seen = prefixes[part] if sources is None else {"source": sources[part], "tokens": prefixes[part]}
                observation, _ = policy.obs_to_tensor(seen)
                chosen = torch.from_numpy(texts.tokens[part, t]).to(policy.device)
                totals[part] += policy.get_distribution(observation).log_prob(chosen).double().cpu().numpy()
        return totals


class _Watcher(BaseCallback):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def _on_rollout_start(self) -> None:
        self._tell()

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self._tell()

    def _tell(self) -> None:
        named = self.logger.name_to_value
        losses = {name.removeprefix("train/"): float(value) for name, value in named.items() if "loss" in name}
        self.watch(Progress(self.num_timesteps, 0, float("nan"), losses))
