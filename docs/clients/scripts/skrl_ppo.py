"""PPO of skrl, unmodified."""

import tempfile

import gymnasium as gym
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from torch import nn

import textgen_env
from textgen_env.integrations.encoder import TokenEncoder

gym.register_envs(textgen_env)
NUM_ENVS = 64


def network(space, outputs):
    """The tokens embedded, and three layers. skrl itself lays a source and the prefix side by side, as numbers."""
    encoder = TokenEncoder(space, flattened=True)
    last = nn.Linear(128, outputs)
    nn.init.orthogonal_(last.weight, 0.01)
    return nn.Sequential(encoder, nn.Linear(encoder.out_features, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), last)


class Policy(CategoricalMixin, Model):
    """The next token's distribution."""

    def __init__(self, **spaces):
        Model.__init__(self, **spaces, device="cpu")
        CategoricalMixin.__init__(self)
        self.net = network(self.observation_space, self.num_actions)

    def compute(self, inputs, role=""):
        """(N, V)."""
        return self.net(inputs["observations"]), {}


class Value(DeterministicMixin, Model):
    """The value of a prefix."""

    def __init__(self, **spaces):
        Model.__init__(self, **spaces, device="cpu")
        DeterministicMixin.__init__(self)
        self.net = network(self.observation_space, 1)

    def compute(self, inputs, role=""):
        """(N, 1)."""
        return self.net(inputs["observations"]), {}


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """Trains to the end."""
    set_seed(seed)
    games = gym.make_vec(id, num_envs=NUM_ENVS, autoreset_mode="SameStep")
    steps = games.unwrapped.task.max_length
    env = wrap_env(games, wrapper="gymnasium", verbose=False)
    spaces = {"observation_space": env.observation_space, "action_space": env.action_space}
    with tempfile.TemporaryDirectory() as folder:
        settings = PPO_CFG(
            rollouts=steps, learning_epochs=4, mini_batches=4, discount_factor=1.0, gae_lambda=0.95,
            learning_rate=0.003, value_clip=0.0, entropy_loss_scale=0.01, value_loss_scale=0.5,
        )  # fmt: skip
        settings.experiment.directory = folder
        settings.experiment.write_interval = settings.experiment.checkpoint_interval = 0
        agent = PPO(
            models={"policy": Policy(**spaces), "value": Value(**spaces)},
            memory=RandomMemory(memory_size=steps, num_envs=NUM_ENVS, device="cpu"),
            cfg=settings, device="cpu", **spaces,
        )  # fmt: skip
        timesteps = tokens // (NUM_ENVS * steps) * steps
        settings = {"timesteps": timesteps, "headless": True, "disable_progressbar": True}
        SequentialTrainer(env=env, agents=agent, cfg=settings).train()


if __name__ == "__main__":
    torch.set_num_threads(1)
    train()
