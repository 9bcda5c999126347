"""PPO of tianshou 2, unmodified."""

import gymnasium as gym
import numpy as np
import torch
from tianshou.algorithm import PPO
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import ModuleWithVectorOutput
from tianshou.utils.net.discrete import DiscreteActor, DiscreteCritic
from torch import nn

import textgen_env
from textgen_env import wrappers
from textgen_env.integrations.encoder import TokenEncoder

gym.register_envs(textgen_env)
NUM_ENVS = 64


class Body(ModuleWithVectorOutput):
    """Body that actor and critic share: the tokens embedded, and two layers."""

    def __init__(self, space):
        super().__init__(output_dim=128)
        encoder = TokenEncoder(space)
        self.layers = nn.Sequential(
            encoder, nn.Linear(encoder.out_features, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh()
        )

    def forward(self, obs, state=None, info=None):
        """(N, 128), and the state as it is."""
        return self.layers(obs), state


def make(id):
    """One environment: ids of source and prefix in one array, and infos whose keys neither come nor go."""
    return wrappers.UniformInfo(wrappers.MultiDiscreteObservation(gym.make(id)))


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The mean return of the last hundred texts."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002, tianshou draws its minibatches from it
    envs = DummyVectorEnv([lambda: make(id)] * NUM_ENVS)
    envs.seed(seed)
    one = make(id)
    each_step = NUM_ENVS * one.unwrapped.task.max_length
    body = Body(one.observation_space)
    actor = DiscreteActor(preprocess_net=body, action_shape=int(one.action_space.n), softmax_output=False)
    nn.init.orthogonal_(actor.last.model[0].weight, 0.01)
    algorithm = PPO(
        policy=DiscreteActorPolicy(actor=actor, action_space=one.action_space),
        critic=DiscreteCritic(preprocess_net=body),
        optim=AdamOptimizerFactory(lr=0.003, eps=1e-5),
        gamma=1.0,
        gae_lambda=0.95,
        ent_coef=0.01,
        max_grad_norm=0.5,
    )
    returns = []
    algorithm.run_training(
        OnPolicyTrainerParams(
            training_collector=Collector(algorithm, envs, VectorReplayBuffer(each_step, NUM_ENVS)),
            max_epochs=1,
            epoch_num_steps=tokens // each_step * each_step,
            collection_step_num_env_steps=each_step,
            update_step_num_repetitions=4,
            batch_size=each_step // 4,
            test_in_training=False,
            compute_score_fn=lambda stats: returns.extend(stats.returns) or stats.returns_stat.mean,
            verbose=False,
            show_progress=False,
        )
    )
    return returns


if __name__ == "__main__":
    print(train())
