"""PPO in one file, in the manner of CleanRL's ppo.py."""

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

import textgen_env
from textgen_env import wrappers
from textgen_env.integrations.encoder import TokenEncoder

gym.register_envs(textgen_env)
NUM_ENVS, EPOCHS, MINIBATCHES, LEARNING_RATE, MAX_GRAD_NORM = 64, 4, 4, 0.003, 0.5
GAMMA, GAE_LAMBDA, CLIP, ENTROPY, VALUE = 1.0, 0.95, 0.2, 0.01, 0.5


def layer(inputs, outputs, gain=2**0.5):
    """A linear layer with orthogonal weights."""
    made = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(made.weight, gain)
    nn.init.zeros_(made.bias)
    return made


class Agent(nn.Module):
    """Policy and value of what the environments show."""

    def __init__(self, envs):
        super().__init__()
        encoder = TokenEncoder(envs.single_observation_space)
        self.body = nn.Sequential(encoder, layer(encoder.out_features, 128), nn.Tanh(), layer(128, 128), nn.Tanh())
        self.actor, self.critic = layer(128, int(envs.single_action_space.n), 0.01), layer(128, 1, 1.0)

    def forward(self, observations):
        """The distribution of the next token, and the values (N,)."""
        hidden = self.body(observations)
        return Categorical(logits=self.actor(hidden)), self.critic(hidden).squeeze(-1)


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The mean return of the last hundred texts."""
    torch.manual_seed(seed)
    # The one change to the environments: made together, ids of source and prefix in one array.
    envs = wrappers.vector.MultiDiscreteObservation(gym.make_vec(id, num_envs=NUM_ENVS, autoreset_mode="SameStep"))
    num_steps = envs.unwrapped.task.max_length
    agent = Agent(envs)
    optimiser = torch.optim.Adam(agent.parameters(), lr=LEARNING_RATE, eps=1e-5)
    observations = torch.zeros((num_steps, NUM_ENVS, *envs.single_observation_space.shape), dtype=torch.long)
    actions = torch.zeros((num_steps, NUM_ENVS), dtype=torch.long)
    log_probs, rewards, dones, values = (torch.zeros((num_steps, NUM_ENVS)) for _ in range(4))
    observation, _ = envs.reset(seed=seed)
    running, finished = np.zeros(NUM_ENVS), []
    for _ in range(tokens // (num_steps * NUM_ENVS)):
        for step in range(num_steps):
            observations[step] = torch.from_numpy(observation)
            with torch.no_grad():
                distribution, values[step] = agent(observations[step])
            actions[step] = distribution.sample()
            log_probs[step] = distribution.log_prob(actions[step])
            observation, reward, terminated, truncated, _ = envs.step(actions[step].numpy())
            ended = terminated | truncated
            rewards[step], dones[step] = torch.from_numpy(reward), torch.from_numpy(ended)
            running += reward
            finished.extend(running[ended])
            running[ended] = 0.0
        with torch.no_grad():
            following = agent(torch.from_numpy(observation))[1]
            advantages, carried = torch.zeros_like(rewards), torch.zeros(NUM_ENVS)
            for step in reversed(range(num_steps)):
                going = 1.0 - dones[step]
                error = rewards[step] + GAMMA * following * going - values[step]
                advantages[step] = carried = error + GAMMA * GAE_LAMBDA * going * carried
                following = values[step]
            targets = advantages + values
        parts = [part.flatten(0, 1) for part in (observations, actions, log_probs, advantages, targets)]
        for _ in range(EPOCHS):
            for chosen in torch.randperm(num_steps * NUM_ENVS).chunk(MINIBATCHES):
                seen, taken, old, advantage, target = (part[chosen] for part in parts)
                advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
                distribution, value = agent(seen)
                ratio = (distribution.log_prob(taken) - old).exp()
                policy_loss = -torch.min(advantage * ratio, advantage * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()
                loss = policy_loss + VALUE * 0.5 * (value - target).square().mean()
                loss = loss - ENTROPY * distribution.entropy().mean()
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), MAX_GRAD_NORM)
                optimiser.step()
    return np.mean(finished[-100:])


if __name__ == "__main__":
    print(train())
