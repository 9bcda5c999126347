"""Models of Stable-Baselines3 and sb3-contrib: made, asked for the chances of the next token, kept, asked again."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor

from agents.data.text_spec import TextSpec
from agents.protocol import BoolArray, FloatArray, IntArray
from benchmarks.measures.measured import NoLikelihood
from benchmarks.specs.experiment import Run
from benchmarks.specs.named import HALF_LIFE, SB3
from textgen_env import Task
from textgen_env.files import DamagedFile, opened
from textgen_env.registries import load_object
from textgen_env.sb3 import policy_kwargs

CHUNK = 1_000
LSTMState = tuple[Tensor, Tensor]
"""Of the actor of a recurrent policy, each (layers, N, H)."""
POLICY, EXPLORATION = "policy.", "exploration_rate"
"""In a file: the start of the names of a policy's tensors, and the name of what DQN and QR-DQN explore with."""


def made_model(run: Run, envs: Any) -> Any:
    """The untrained model of a run.

    Args:
        run: whose algorithm says which, and with which settings.
        envs: VecEnv that it is made for.

    Raises:
        ValueError: an import path that leads nowhere; within `names_alone` one that is not Stable-Baselines3's.
        Others as the algorithm's constructor.
    """
    algorithm = run.algorithm
    settings = {name: value for name, value in algorithm.hyperparameters.items() if name != HALF_LIFE}
    return _model_class(algorithm.agent)(
        algorithm.policy,
        envs,
        seed=run.seed,
        device=run.device,
        policy_kwargs=_policy_kwargs(algorithm.policy_kwargs),
        **settings,
    )


def save_policy(model: Any, path: Path) -> None:
    """Keeps the policy of a model, its tensors alone: it can be asked again, and its training not be gone on with."""
    # Parts of a policy may share tensors, which the format does not allow.
    state = {f"{POLICY}{name}": tensor.detach().cpu().clone() for name, tensor in model.policy.state_dict().items()}
    if hasattr(model, EXPLORATION):
        state[EXPLORATION] = torch.tensor(float(model.exploration_rate), dtype=torch.float64)
    save_file(state, path)


def load_policy(model: Any, path: Path) -> None:
    """Puts the policy that was kept in place of the model's own.

    Raises:
        textgen_env.files.UnreadableFile: the file holds no policy of such a model.
    """
    with opened(path):
        try:
            state = load_file(path)
        except SafetensorError as error:
            raise DamagedFile(path, f"holds no policy: {error}") from None
    own = {name.removeprefix(POLICY): tensor for name, tensor in state.items() if name.startswith(POLICY)}
    try:
        model.policy.load_state_dict(own)
        if hasattr(model, EXPLORATION):
            model.exploration_rate = float(state[EXPLORATION])
    except (RuntimeError, KeyError) as error:
        raise DamagedFile(path, f"holds no policy of a {type(model).__name__} with these settings: {error}") from None


class SB3Policy:
    """Policy of a model, which says how likely its next tokens are: `agents.exact.HasMaskedProbabilities`, so that
    whatever decodes, measures or shows an agent of agents/ does a model, too.

    Args:
        model: of Stable-Baselines3 or sb3-contrib, trained.
        task: whose texts it writes.

    Attributes:
        spec: shape of these texts.
    """

    def __init__(self, model: Any, task: Task) -> None:
        self.model = model
        sources = (0, 0) if task.sources is None else (len(task.sources.vocabulary), task.sources.tokens.shape[1])
        self.spec = TextSpec(len(task.vocabulary), task.max_length, task.vocabulary.eos_id, *sources)
        self._blank = task.vocabulary.blank_id

    def action_probabilities(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None) -> FloatArray:
        """(K, V) float64, without masks; raises as `next_token_chances`."""
        return self.masked_probabilities(tokens, lengths, sources, None)

    def masked_probabilities(
        self, tokens: IntArray, lengths: IntArray, sources: IntArray | None, action_masks: BoolArray | None
    ) -> FloatArray:
        """(K, V) float64, after the prefixes (K, T) of these lengths (K,); MaskablePPO alone takes the masks (K, V).

        Raises:
            NoLikelihood: a policy without a distribution.
        """
        if not hasattr(self.model.policy, "lstm_actor"):
            return next_token_chances(self.model, tokens, sources, None, action_masks)[0]
        found, state = np.empty((len(tokens), self.spec.vocab_size)), None
        for length in range(int(lengths.max(initial=0)) + 1):
            chances, state = next_token_chances(self.model, self._prefixes(tokens, length), sources, state)
            found[lengths == length] = chances[lengths == length]
        return found

    def log_prob(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None = None) -> FloatArray:
        """sum_t log pi(x_t | x_<t) (N,), nats: the policy's distribution after each prefix of each text."""
        totals = np.zeros(len(tokens))
        for begun in range(0, len(totals), CHUNK):
            part = np.arange(begun, min(begun + CHUNK, len(totals)))
            texts, state = tokens[part], None
            given = None if sources is None else sources[part]
            for t in range(texts.shape[1]):
                chances, state = next_token_chances(self.model, self._prefixes(texts, t), given, state)
                going = np.flatnonzero(lengths[part] > t)
                with np.errstate(divide="ignore"):
                    totals[part[going]] += np.log(chances[going, texts[going, t]])
        return totals

    def predict(self, *asked: Any, **options: Any) -> Any:
        """As the model's own."""
        return self.model.predict(*asked, **options)

    def _prefixes(self, tokens: IntArray, length: int) -> IntArray:
        prefixes: IntArray = np.where(np.arange(tokens.shape[1]) < length, tokens, self._blank)
        return prefixes


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
