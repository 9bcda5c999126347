"""What the policies of Stable-Baselines3 and sb3-contrib write next, as probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor

from agents.protocol import BoolArray, FloatArray, IntArray
from benchmarks.measures.measured import NoLikelihood

LSTMState = tuple[Tensor, Tensor]
"""Of the actor of a recurrent policy, each (layers, N, H)."""


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
