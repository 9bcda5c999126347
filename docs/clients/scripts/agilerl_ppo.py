"""PPO of AgileRL, unmodified."""

import gymnasium as gym
import numpy as np
import torch
from agilerl.algorithms import PPO
from agilerl.modules.dummy import DummyEvolvable
from agilerl.networks import StochasticActor, ValueNetwork
from agilerl.rollouts.on_policy import collect_rollouts
from torch import nn

import textgen_env
from textgen_env.integrations.encoder import TokenEncoder

gym.register_envs(textgen_env)
NUM_ENVS = 64


class Embedded(nn.Sequential):
    """The tokens embedded, and a layer; AgileRL's head is the other."""

    num_outputs = 128

    def __init__(self, space):
        encoder = TokenEncoder(space)
        super().__init__(encoder, nn.Linear(encoder.out_features, self.num_outputs), nn.Tanh())


def network(cls, space, *more):
    """A network of AgileRL's around the embedding."""
    encoder = DummyEvolvable("cpu", module_fn=Embedded, module_kwargs={"space": space})
    return cls(space, *more, encoder=encoder, head_config={"hidden_size": [128], "activation": "Tanh"})


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0, use_gae=False):
    """The mean return of the texts of each batch."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002, AgileRL draws its minibatches from it
    # Rows begin anew in the step in which they end, as its collector takes it.
    envs = gym.make_vec(id, num_envs=NUM_ENVS, autoreset_mode="SameStep")
    steps = envs.unwrapped.task.max_length
    space, actions = envs.single_observation_space, envs.single_action_space
    agent = PPO(
        space, actions, num_envs=NUM_ENVS, learn_step=NUM_ENVS * steps, batch_size=NUM_ENVS * steps // 4, lr=0.003,
        gamma=1.0, gae_lambda=0.95, update_epochs=4, ent_coef=0.01, max_grad_norm=0.5,
        actor_network=network(StochasticActor, space, actions), critic_network=network(ValueNetwork, space),
        share_encoders=False, rollout_buffer_config={"use_gae": use_gae},
    )  # fmt: skip
    observations, info = envs.reset(seed=seed)
    last = observations, np.zeros(NUM_ENVS), np.zeros(NUM_ENVS), info
    means = []
    for _ in range(tokens // (NUM_ENVS * steps)):
        names = ("last_obs", "last_done", "last_scores", "last_info")
        returns, *last = collect_rollouts(agent, envs, steps, **dict(zip(names, last, strict=True)))
        agent.learn()
        means.append(np.mean(returns))
    return means


if __name__ == "__main__":
    print(train()[-1])
