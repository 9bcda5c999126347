"""PPO of Stable-Baselines3, unmodified, with the network of the other scripts."""

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

import textgen_env
from textgen_env.integrations.encoder import TokenEncoder
from textgen_env.sb3 import make_sb3_vec_env

gym.register_envs(textgen_env)
NUM_ENVS = 64


class Embedded(BaseFeaturesExtractor):
    """The tokens embedded, side by side."""

    def __init__(self, space):
        encoder = TokenEncoder(space)
        super().__init__(space, encoder.out_features)
        self.encoder = encoder

    def forward(self, observations):
        """(N, F)."""
        return self.encoder(observations)


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The trained model."""
    envs = make_sb3_vec_env(id, num_envs=NUM_ENVS, seed=seed)
    steps = envs.task.max_length
    policy_kwargs = {"features_extractor_class": Embedded, "net_arch": [128, 128], "activation_fn": nn.Tanh}
    model = PPO(
        "MultiInputPolicy" if envs.task.sources is not None else "MlpPolicy", envs, n_steps=steps,
        batch_size=NUM_ENVS * steps // 4, n_epochs=4, learning_rate=0.003, gamma=1.0, gae_lambda=0.95, ent_coef=0.01,
        seed=seed, device="cpu", policy_kwargs=policy_kwargs,
    )  # fmt: skip
    return model.learn(tokens // (NUM_ENVS * steps) * NUM_ENVS * steps)


if __name__ == "__main__":
    train()
