"""PPO of TorchRL's parts: its collector, advantages and loss."""

import gymnasium as gym
import torch
from tensordict.nn import TensorDictModule
from torch import nn
from torch.distributions import Categorical
from torchrl.collectors import Collector
from torchrl.envs import GymWrapper
from torchrl.modules import ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import textgen_env
from textgen_env import wrappers
from textgen_env.integrations.encoder import TokenEncoder

gym.register_envs(textgen_env)
NUM_ENVS, EPOCHS, MINIBATCHES = 64, 4, 4


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0):
    """The mean reward a token, of each batch."""
    torch.manual_seed(seed)
    # One process; GymEnv(id, num_envs=64) would start 64.
    games = wrappers.vector.MultiDiscreteObservation(gym.make_vec(id, num_envs=NUM_ENVS, autoreset_mode="Disabled"))
    batch = NUM_ENVS * games.unwrapped.task.max_length
    envs = GymWrapper(games, categorical_action_encoding=True)
    envs.set_seed(seed)
    encoder = TokenEncoder(games.single_observation_space)
    body = nn.Sequential(encoder, nn.Linear(encoder.out_features, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh())
    head = nn.Linear(128, int(games.single_action_space.n))
    nn.init.orthogonal_(head.weight, 0.01)
    actor = ProbabilisticActor(
        TensorDictModule(nn.Sequential(body, head), in_keys=["observation"], out_keys=["logits"]),
        in_keys=["logits"],
        spec=envs.action_spec,
        distribution_class=Categorical,
        return_log_prob=True,
    )
    critic = ValueOperator(nn.Sequential(body, nn.Linear(128, 1)), in_keys=["observation"])
    advantages = GAE(gamma=1.0, lmbda=0.95, value_network=critic)
    loss = ClipPPOLoss(
        actor, critic, clip_epsilon=0.2, entropy_coeff=0.01, critic_coeff=0.5, loss_critic_type="l2",
        normalize_advantage=True,
    )  # fmt: skip
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.003, eps=1e-5)
    collector = Collector(envs, actor, frames_per_batch=batch, total_frames=tokens // batch * batch)
    means = []
    for data in collector:
        means.append(data["next", "reward"].mean().item())
        with torch.no_grad():
            advantages(data)
        flat = data.reshape(-1)
        for _ in range(EPOCHS):
            for chosen in torch.randperm(batch).chunk(MINIBATCHES):
                terms = loss(flat[chosen])
                optimiser.zero_grad()
                sum(terms[key] for key in ("loss_objective", "loss_critic", "loss_entropy")).backward()
                nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
                optimiser.step()
    collector.shutdown()
    return means


if __name__ == "__main__":
    print(train()[-1])
