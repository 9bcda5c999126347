"""Adapter of the algorithms of Stable-Baselines3 and sb3-contrib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecMonitor

from agents.data.episodes import Predict
from agents.protocol import FloatArray, IntArray, Progress
from benchmarks.measures.measured import Decoding, NoLikelihood
from benchmarks.policies.adapter import Watch, source_tokens
from benchmarks.policies.agent import AgentLikelihoods
from benchmarks.policies.environments import with_device
from benchmarks.policies.sb3_model import SB3Policy, made_model, next_token_chances, of_rows, save_policy
from benchmarks.specs.experiment import Run
from benchmarks.specs.named import HALF_LIFE
from textgen_env import Task, Texts, text_game
from textgen_env.sb3 import make_sb3_vec_env
from textgen_env.solve import TextMDP


class SB3Adapter:
    """Adapter of an algorithm of Stable-Baselines3: unmodified, on the suite's VecEnv, with its features extractor.

    There may be one hyperparameter besides the algorithm's own: `ent_half_life`, tokens until `ent_coef` has halved,
    which a callback sees to.

    Its own file format is pickle, which this project does not read: it is no `ResumableAdapter`, and a run that
    was interrupted begins anew. The tensors of its policy are kept at the end.
    """

    def __init__(self, run: Run) -> None:
        algorithm = run.algorithm
        kwargs = with_device(run.env_id, run.env_kwargs, run.device)
        self.envs = VecMonitor(make_sb3_vec_env(run.env_id, algorithm.num_envs, run.seed, **kwargs))
        self.ent_half_life = algorithm.hyperparameters.get(HALF_LIFE)
        if self.ent_half_life is not None and not (self.ent_half_life > 0 and "ent_coef" in algorithm.hyperparameters):
            raise ValueError(
                f"algorithm {algorithm.label}: {HALF_LIFE}={self.ent_half_life!r} must be above 0, and ent_coef "
                "given: it halves"
            )
        self.model: Any = made_model(run, self.envs)
        self.kept = SB3Policy(self.model, text_game(self.envs).task)
        self.predict: Predict = self.model.predict

    def train(self, total_tokens: int, watch: Watch) -> None:
        """`learn`, watched before each rollout: there the policy is one that an update has just made."""
        callbacks: list[BaseCallback] = [_Watcher(watch)]
        if self.ent_half_life is not None:
            callbacks.append(_FadingEntropy(self.model.ent_coef, self.ent_half_life))
        self.model.learn(total_tokens, callback=callbacks)

    @contextmanager
    def drawing(self, seed: int) -> Iterator[None]:
        """`predict` draws from the global generators of torch and NumPy and from the action space's, which training
        goes on with afterwards."""
        # torch seeds its generators on all devices, and puts back that of the CPU and those that it is told of.
        device = self.model.device
        devices = [device] if device.type == "cuda" else []
        space = self.model.action_space
        legacy, own = np.random.get_state(), space.np_random.bit_generator.state  # noqa: NPY002
        try:
            with torch.random.fork_rng(devices=devices):
                torch.manual_seed(seed)
                # It takes 32 bits.
                np.random.seed(seed % 2**32)  # noqa: NPY002
                space.seed(seed)
                yield
        finally:
            np.random.set_state(legacy)  # noqa: NPY002
            space.np_random.bit_generator.state = own

    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """As `SB3Policy.log_prob`."""
        return self.kept.log_prob(texts.tokens, texts.lengths, source_tokens(texts, task))

    def save_policy(self, path: Path) -> None:
        """As `benchmarks.policies.sb3_model.save_policy`."""
        save_policy(self.model, path)

    def policy(self, mdp: TextMDP) -> FloatArray:
        """Level by level, as a recurrent policy reads."""
        table, state = np.empty(mdp.allowed.shape), None
        for level in mdp.levels:
            sources = None if mdp.sources is None else mdp.sources.tokens[level]
            allowed = mdp.allowed[level]
            chances, state = next_token_chances(self.model, mdp.tokens[level], sources, state, allowed)
            table[level] = chances * allowed
            # The states of the next level stand in the order of the prefixes that they continue.
            state = of_rows(state, (mdp.next_state[level] >= 0).nonzero()[0])
        left = table.sum(1, keepdims=True)
        if not (left > 0).all():
            raise NoLikelihood("it gives no allowed token a probability after some prefix")
        return mdp.checked_policy(table / left, "policy")

    def decoded(self, envs: Any, method: Decoding, n: int, sources: IntArray | None, width: int) -> Texts:
        """As the agents of agents/ are, of the chances that the model gives."""
        return AgentLikelihoods.of(self.kept).decoded(envs, method, n, sources, width)


class _FadingEntropy(BaseCallback):
    """ent_coef = start * 2^(-tokens / half-life), for each rollout anew."""

    def __init__(self, start: float, half_life: float) -> None:
        super().__init__()
        self.start, self.half_life = start, half_life

    def _on_rollout_start(self) -> None:
        self.model.ent_coef = self.start * 0.5 ** (self.num_timesteps / self.half_life)  # type: ignore[attr-defined]

    def _on_step(self) -> bool:
        return True


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
