"""Adapter of the algorithms of Stable-Baselines3 and sb3-contrib."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecMonitor
from torch import Tensor

from agents.data.episodes import Predict
from agents.protocol import BoolArray, FloatArray, IntArray, Progress
from benchmarks.measures.measured import Decoding, NoLikelihood
from benchmarks.policies.adapter import Watch, source_tokens
from benchmarks.policies.environments import with_device
from benchmarks.specs.experiment import Run
from benchmarks.specs.named import HALF_LIFE, SB3
from textgen_env import Task, Texts
from textgen_env.registries import load_object
from textgen_env.sb3 import make_sb3_vec_env, policy_kwargs
from textgen_env.solve import TextMDP

CHUNK = 1_000
LSTMState = tuple[Tensor, Tensor]
"""Of the actor of a recurrent policy, each (layers, N, H)."""


class SB3Adapter:
    """Adapter of an algorithm of Stable-Baselines3: unmodified, on the suite's VecEnv, with its features extractor.

    There may be one hyperparameter besides the algorithm's own: `ent_half_life`, tokens until `ent_coef` has halved,
    which a callback sees to.

    Its own file format is pickle, which this project does not read: it is no `ResumableAdapter`, and a run that
    was interrupted begins anew.
    """

    def __init__(self, run: Run) -> None:
        algorithm = run.algorithm
        model_class = _model_class(algorithm.agent)
        kwargs = with_device(run.env_id, run.env_kwargs, run.device)
        self.envs = VecMonitor(make_sb3_vec_env(run.env_id, algorithm.num_envs, run.seed, **kwargs))
        settings = dict(algorithm.hyperparameters)
        self.ent_half_life = settings.pop(HALF_LIFE, None)
        if self.ent_half_life is not None and not (self.ent_half_life > 0 and "ent_coef" in settings):
            raise ValueError(
                f"algorithm {algorithm.label}: {HALF_LIFE}={self.ent_half_life!r} must be above 0, and ent_coef "
                "given: it halves"
            )
        self.model: Any = model_class(
            algorithm.policy,
            self.envs,
            seed=run.seed,
            device=run.device,
            policy_kwargs=_policy_kwargs(algorithm.policy_kwargs),
            **settings,
        )
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
        """sum_t log pi(x_t | x_<t): the policy's distribution after each prefix of each text."""
        sources = source_tokens(texts, task)
        totals = np.zeros(len(texts.tokens))
        for begun in range(0, len(totals), CHUNK):
            part = np.arange(begun, min(begun + CHUNK, len(totals)))
            tokens, state = texts.tokens[part], None
            for t in range(tokens.shape[1]):
                prefixes = np.where(np.arange(tokens.shape[1]) < t, tokens, task.vocabulary.blank_id)
                given = None if sources is None else sources[part]
                chances, state = next_token_chances(self.model, prefixes, given, state)
                going = np.flatnonzero(texts.lengths[part] > t)
                with np.errstate(divide="ignore"):
                    totals[part[going]] += np.log(chances[going, tokens[going, t]])
        return totals

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
        """None: `agents.decoding` searches with the agents of agents/ alone."""
        raise NoLikelihood("texts are decoded of the agents of agents/ alone, not of Stable-Baselines3's models")


@torch.no_grad()
def next_token_chances(
    model: Any, tokens: IntArray, sources: IntArray | None, state: LSTMState | None, masks: BoolArray | None = None
) -> tuple[FloatArray, LSTMState | None]:
    """pi(a | prefix) (N, V) float64 of what the model's `predict` draws, and the state to hand to the call with one
    token more.

    Algorithms with a distribution draw from it; DQN and QR-DQN take the token of the greatest value but, with the
    probability `exploration_rate` that training has come to, any.

    Args:
        model: PPO, A2C, DQN, MaskablePPO, RecurrentPPO, QRDQN, TRPO, or what has such a policy.
        tokens: (N, T) prefixes.
        sources: (N, S) source tokens of a conditional task.
        state: what the call with one token less gave; None for a model that keeps none, and for empty prefixes.
        masks: (N, V), for a model that takes them.

    Raises:
        NoLikelihood: another kind of policy.
    """
    policy, count = model.policy, len(tokens)
    policy.set_training_mode(False)
    observation = tokens if sources is None else {"source": sources, "tokens": tokens}
    if hasattr(model, "exploration_rate"):
        chances = np.full((count, model.action_space.n), model.exploration_rate / model.action_space.n)
        chances[np.arange(count), policy.predict(observation, deterministic=True)[0]] += 1 - model.exploration_rate
        return chances, None
    seen, _ = policy.obs_to_tensor(observation)
    if hasattr(policy, "lstm_actor"):
        if state is None:
            layers, _, size = policy.lstm_hidden_state_shape
            state = (torch.zeros(layers, count, size).to(policy.device),) * 2
        drawn, state = policy.get_distribution(seen, state, torch.zeros(count).to(policy.device))
    elif isinstance(policy, MaskableActorCriticPolicy):
        drawn = policy.get_distribution(seen, masks)
    elif isinstance(policy, ActorCriticPolicy):
        drawn = policy.get_distribution(seen)
    else:
        raise NoLikelihood(f"{type(model).__name__}'s policy gives no distribution for a prefix")
    probabilities: NDArray[np.float64] = drawn.distribution.logits.double().softmax(-1).cpu().numpy()
    return probabilities, state


def of_rows(state: LSTMState | None, rows: IntArray) -> LSTMState | None:
    """The states of these rows alone."""
    return None if state is None else (state[0][:, rows], state[1][:, rows])


def _model_class(path: str) -> Any:
    """The class of an algorithm; those that a command line names are imported whoever names them."""
    package, _, name = path.partition(":")
    if SB3.get(name, ("",))[0] == package:
        return getattr(import_module(package), name)
    return load_object(path, "agent")


def _policy_kwargs(given: Mapping[str, Any]) -> dict[str, Any]:
    ours = inspect.signature(policy_kwargs).parameters
    return {
        **policy_kwargs(**{name: value for name, value in given.items() if name in ours}),
        **{name: value for name, value in given.items() if name not in ours},
    }


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
