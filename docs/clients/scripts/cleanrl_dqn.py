"""DQN in one file, in the manner of CleanRL's dqn.py, on environments with an embedding before its network."""

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import textgen_env
from textgen_env import wrappers
from textgen_env.integrations.encoder import TokenEncoder

gym.register_envs(textgen_env)
NUM_ENVS, BUFFER, BATCH, LEARNING_RATE, GAMMA, TARGET_EVERY = 16, 10_000, 256, 0.0005, 1.0, 100


class QNetwork(nn.Module):
    """The value of each token after a prefix."""

    def __init__(self, envs):
        super().__init__()
        encoder = TokenEncoder(envs.single_observation_space)
        self.network = nn.Sequential(
            encoder, nn.Linear(encoder.out_features, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
            nn.Linear(128, int(envs.single_action_space.n)),
        )  # fmt: skip

    def forward(self, observations):
        """(N, V)."""
        return self.network(observations)


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The mean return of the last hundred texts."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    envs = wrappers.vector.MultiDiscreteObservation(gym.make_vec(id, num_envs=NUM_ENVS, autoreset_mode="SameStep"))
    vocab_size, width = int(envs.single_action_space.n), envs.single_observation_space.shape[0]
    network, target = QNetwork(envs), QNetwork(envs)
    target.load_state_dict(network.state_dict())
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    seen, following = (np.zeros((BUFFER, width), np.int64) for _ in range(2))
    chosen, paid, over = np.zeros(BUFFER, np.int64), np.zeros(BUFFER, np.float32), np.zeros(BUFFER, np.float32)
    observation, _ = envs.reset(seed=seed)
    running, finished = np.zeros(NUM_ENVS), []
    for step in range(tokens // NUM_ENVS):
        epsilon = max(0.05, 1.0 - step * NUM_ENVS / (0.5 * tokens))
        with torch.no_grad():
            actions = network(observation).argmax(1).numpy()
        random = rng.random(NUM_ENVS) < epsilon
        actions[random] = rng.integers(0, vocab_size, random.sum())
        after, reward, terminated, truncated, _ = envs.step(actions)
        places = (step * NUM_ENVS + np.arange(NUM_ENVS)) % BUFFER
        # What follows an end counts for nothing, so the next text's begin may stand there.
        seen[places], following[places], chosen[places] = observation, after, actions
        paid[places], over[places] = reward, terminated
        observation = after
        running += reward
        finished.extend(running[terminated | truncated])
        running[terminated | truncated] = 0.0
        held = min(BUFFER, (step + 1) * NUM_ENVS)
        if held >= BATCH:
            batch = rng.integers(0, held, BATCH)
            with torch.no_grad():
                best = target(following[batch]).max(1).values
            goal = torch.from_numpy(paid[batch]) + GAMMA * best * (1 - torch.from_numpy(over[batch]))
            value = network(seen[batch]).gather(1, torch.from_numpy(chosen[batch])[:, None])[:, 0]
            loss = F.smooth_l1_loss(value, goal)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if step % TARGET_EVERY == 0:
            target.load_state_dict(network.state_dict())
    return np.mean(finished[-100:])


if __name__ == "__main__":
    print(train())
