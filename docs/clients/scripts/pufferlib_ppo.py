"""PPO of PufferLib, unmodified."""

import io
import tempfile
from contextlib import redirect_stdout

import gymnasium as gym
import numpy as np
import torch
from pufferlib import PufferEnv
from pufferlib.pufferl import PuffeRL
from torch import nn

import textgen_env
from textgen_env import wrappers
from textgen_env.integrations.encoder import TokenEncoder

gym.register_envs(textgen_env)
NUM_ENVS = 64


class Games(PufferEnv):
    """Environments played in one batch, as a native one of PufferLib's; rewards are multiplied by `scale`."""

    def __init__(self, id, scale, num_envs=NUM_ENVS, buf=None):
        made = gym.make_vec(id, num_envs=num_envs, autoreset_mode="SameStep")
        self.games = wrappers.vector.MultiDiscreteObservation(made)
        ids = self.games.single_observation_space.nvec
        self.single_observation_space = gym.spaces.Box(np.zeros_like(ids), ids - 1, dtype=np.int64)
        self.single_action_space = self.games.single_action_space
        self.num_agents, self.scale = num_envs, scale
        super().__init__(buf)

    def reset(self, seed=None):
        """The arrays that PufferLib reads, and no infos."""
        self.observations[:], _ = self.games.reset(seed=seed)
        self.rewards[:], self.terminals[:], self.truncations[:] = 0, False, False
        return self.observations, []

    def step(self, actions):
        """The arrays that PufferLib reads, and no infos."""
        self.observations[:], rewards, self.terminals[:], self.truncations[:], _ = self.games.step(actions)
        self.rewards[:] = rewards * self.scale
        return self.observations, self.rewards, self.terminals, self.truncations, []

    def close(self):
        """Nothing to release."""


class Policy(nn.Module):
    """Logits and value of a prefix."""

    def __init__(self, games):
        super().__init__()
        encoder = TokenEncoder(games.games.single_observation_space)
        self.body = nn.Sequential(
            encoder, nn.Linear(encoder.out_features, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh()
        )
        self.actor, self.critic = nn.Linear(128, int(games.single_action_space.n)), nn.Linear(128, 1)
        nn.init.orthogonal_(self.actor.weight, 0.01)

    def forward(self, observations, state=None):
        """(N, V) and (N, 1)."""
        hidden = self.body(observations)
        return self.actor(hidden), self.critic(hidden)

    forward_eval = forward


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The trainer."""
    torch.manual_seed(seed)
    # It cuts rewards at -1 and 1: those of a token are many nats.
    games = Games(id, scale=0.1 if "Oracle" in id else 1.0)
    # It never learns from the last token of a segment. With one more than a text has, that is another one each time.
    horizon = games.games.unwrapped.task.max_length + 1
    batch = NUM_ENVS * horizon
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        settings = {
            "batch_size": batch, "bptt_horizon": horizon, "minibatch_size": batch // 4, "max_minibatch_size": batch,
            "total_timesteps": tokens // batch * batch, "update_epochs": 4, "learning_rate": 0.003, "anneal_lr": False,
            "optimizer": "adam", "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_eps": 1e-5, "gamma": 1.0,
            "gae_lambda": 0.95, "clip_coef": 0.2, "vf_clip_coef": float("inf"), "vf_coef": 0.5, "ent_coef": 0.01,
            "max_grad_norm": 0.5, "vtrace_rho_clip": 1.0, "vtrace_c_clip": 1.0, "prio_alpha": 0.0, "prio_beta0": 1.0,
            "seed": seed, "torch_deterministic": True, "device": "cpu", "cpu_offload": False, "precision": "float32",
            "compile": False, "use_rnn": False, "data_dir": folder, "checkpoint_interval": 1_000_000, "env": id,
        }  # fmt: skip
        trainer = PuffeRL(settings, games, Policy(games))
        for _ in range(tokens // batch):
            trainer.evaluate()
            trainer.train()
        trainer.close()
    return trainer


if __name__ == "__main__":
    train()
