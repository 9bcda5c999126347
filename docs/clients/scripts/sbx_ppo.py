"""PPO of SBX, unmodified, in JAX."""

from functools import partial

import gymnasium as gym
import jax.numpy as jnp
from flax import linen as nn
from sbx import PPO

import textgen_env
from textgen_env.sb3 import VecMultiDiscrete, make_sb3_vec_env

gym.register_envs(textgen_env)
NUM_ENVS = 64


class Embedded(nn.Module):
    """The tokens embedded, side by side. SBX itself gives the first two of its numbers."""

    features_dim: int
    activation_fn: object
    ids: int

    @nn.compact
    def __call__(self, observations):
        """(N, F)."""
        embedded = nn.Embed(self.ids, self.features_dim)(observations.astype(jnp.int32))
        return embedded.reshape(len(observations), -1)


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The trained model."""
    envs = VecMultiDiscrete(make_sb3_vec_env(id, num_envs=NUM_ENVS, seed=seed))
    steps = envs.unwrapped.task.max_length
    model = PPO(
        "MlpPolicy", envs, n_steps=steps, batch_size=NUM_ENVS * steps // 4, n_epochs=4, learning_rate=0.003, gamma=1.0,
        gae_lambda=0.95, ent_coef=0.01, seed=seed,
        policy_kwargs={
            "features_extractor_class": partial(Embedded, ids=int(envs.observation_space.nvec.max())),
            "features_extractor_kwargs": {"features_dim": 32}, "net_arch": [128, 128], "ortho_init": True,
        },
    )  # fmt: skip
    return model.learn(tokens // (NUM_ENVS * steps) * NUM_ENVS * steps)


if __name__ == "__main__":
    train()
