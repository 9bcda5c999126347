"""PPO of this repository, with its own network: a GRU that reads each prefix on from the one before."""

import gymnasium as gym

import textgen_env
from agents.policy_gradient.ppo import PPO, PPOConfig

gym.register_envs(textgen_env)


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The trained agent."""
    envs = gym.make_vec(id, num_envs=64)
    config = PPOConfig(
        learning_rate=0.003, batch_size=64, epochs=4, minibatches=4, entropy_weight=0.01, entropy_half_life=None,
        gae_lambda=0.95, max_grad_norm=0.5, embedding_size=32, hidden_size=128,
    )  # fmt: skip
    return PPO(envs, config, seed=seed).train(envs, tokens)


if __name__ == "__main__":
    train()
