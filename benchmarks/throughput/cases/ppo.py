"""PPO: our tokens a second beside those of Stable-Baselines3 and of a script in the manner of CleanRL, same
network and settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from agents.policy_gradient.ppo import PPO, PPOConfig
from benchmarks.throughput.bench import Bench, Missing, Work, library
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from textgen_env import text_game

ENV_ID = "TextGen-OracleSmall-v0"
EMBEDDING, HIDDEN = 32, 64
ROWS, EPOCHS, MINIBATCHES, CLIP, LAMBDA, RATE, ENTROPY, LONGEST = 256, 4, 4, 0.2, 0.95, 0.003, 0.01, 0.5


def ppo(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """One batch of whole texts, and the passes over it."""
    rows = min(ROWS, bench.sizes.rows)
    envs = gymnasium.make_vec(ENV_ID, num_envs=rows)
    horizon = text_game(envs).task.max_length
    tokens = rows * horizon
    config = PPOConfig(
        embedding_size=EMBEDDING,
        hidden_size=HIDDEN,
        learning_rate=RATE,
        batch_size=rows,
        entropy_weight=ENTROPY,
        entropy_half_life=None,
        epochs=EPOCHS,
        minibatches=MINIBATCHES,
        clip=CLIP,
        gae_lambda=LAMBDA,
        max_grad_norm=LONGEST,
    )
    ours = PPO(envs, config)
    work = f"PPO on OracleSmall, {rows} texts × {horizon} tokens, {EPOCHS} × {MINIBATCHES} steps, GRU of {HIDDEN}"
    for name, other in (("ppo-sb3", stable_baselines3(rows, horizon)), ("ppo-cleanrl", script(rows))):
        yield bench.row(
            name, work, Unit("rate", "tokens"), Work("train", lambda: ours.train(envs, tokens), tokens), other
        )


def stable_baselines3(rows: int, horizon: int) -> Work | Missing:
    """Its PPO, whose features are those of `textgen_env.sb3`: they read the prefix anew at every token."""
    found = library("stable_baselines3", "stable-baselines3")
    if isinstance(found, str):
        return Missing("Stable-Baselines3", found)
    from textgen_env.sb3 import make_sb3_vec_env, policy_kwargs

    tokens = rows * horizon
    model = found.PPO(
        "MlpPolicy",
        make_sb3_vec_env(ENV_ID, num_envs=rows, seed=0),
        n_steps=horizon,
        batch_size=tokens // MINIBATCHES,
        n_epochs=EPOCHS,
        gamma=1.0,
        gae_lambda=LAMBDA,
        clip_range=CLIP,
        ent_coef=ENTROPY,
        learning_rate=RATE,
        max_grad_norm=LONGEST,
        seed=0,
        policy_kwargs=policy_kwargs(EMBEDDING, HIDDEN, ()),
    )
    return Work("Stable-Baselines3", lambda: model.learn(tokens), tokens)


def script(rows: int) -> Work:
    """A script in the manner of CleanRL's PPO for recurrent policies."""
    envs = gymnasium.make_vec(ENV_ID, num_envs=rows, autoreset_mode="SameStep")
    game = text_game(envs)
    agent = RecurrentAgent(len(game.task.vocabulary) + 1)
    optimiser = torch.optim.Adam(agent.parameters(), lr=RATE, eps=1e-5)
    horizon = game.task.max_length
    return Work(
        "a script as CleanRL's",
        lambda: iteration(envs, agent, optimiser, horizon, game.task.vocabulary.blank_id),
        rows * horizon,
    )


class RecurrentAgent(nn.Module):
    """Embedding, GRU, and a linear actor and critic."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, EMBEDDING)
        self.rnn = nn.GRU(EMBEDDING, HIDDEN)
        self.actor, self.critic = nn.Linear(HIDDEN, tokens - 1), nn.Linear(HIDDEN, 1)

    def states(self, last: Tensor, state: Tensor, begun: Tensor) -> tuple[Tensor, Tensor]:
        """States (L, B, H) after the tokens (L, B), a text that has `begun` (L, B) from zeros, and the last."""
        embedded, found = self.embedding(last), []
        for of_step, new in zip(embedded, begun, strict=True):
            out, state = self.rnn(of_step.unsqueeze(0), (1.0 - new).view(1, -1, 1) * state)
            found.append(out)
        return torch.cat(found), state


def iteration(envs: Any, agent: RecurrentAgent, optimiser: torch.optim.Adam, horizon: int, blank: int) -> None:
    """A rollout of `horizon` steps of all rows, and the passes over it."""
    rows = envs.num_envs
    envs.reset(seed=0)
    last, begun, state = torch.full((rows,), blank), torch.ones(rows), torch.zeros(1, rows, HIDDEN)
    read, news, actions = (torch.zeros(horizon, rows, dtype=kind) for kind in (torch.int64, torch.float32, torch.int64))
    log_probs, rewards, values = (torch.zeros(horizon, rows) for _ in range(3))
    for t in range(horizon):
        read[t], news[t] = last, begun
        with torch.no_grad():
            out, state = agent.states(last.unsqueeze(0), state, begun.unsqueeze(0))
            policy: Any = Categorical(logits=agent.actor(out[0]))
            actions[t] = policy.sample()
            log_probs[t], values[t] = policy.log_prob(actions[t]), agent.critic(out[0]).flatten()
        _, earned, terminated, truncated, _ = envs.step(actions[t].numpy())
        rewards[t] = torch.as_tensor(earned, dtype=torch.float32)
        begun = torch.as_tensor(np.logical_or(terminated, truncated), dtype=torch.float32)
        last = torch.where(begun.bool(), blank, actions[t])
    with torch.no_grad():
        out, _ = agent.states(last.unsqueeze(0), state, begun.unsqueeze(0))
        after = agent.critic(out[0]).flatten()
    advantages, running = torch.zeros_like(rewards), torch.zeros(rows)
    ends = [*news[1:], begun]
    for t in reversed(range(horizon)):
        following = after if t == horizon - 1 else values[t + 1]
        error = rewards[t] + following * (1 - ends[t]) - values[t]
        advantages[t] = running = error + LAMBDA * (1 - ends[t]) * running
    returns = advantages + values
    for _ in range(EPOCHS):
        for some in torch.randperm(rows).chunk(MINIBATCHES):
            out, _ = agent.states(read[:, some], torch.zeros(1, len(some), HIDDEN), news[:, some])
            policies: Any = Categorical(logits=agent.actor(out))
            ratio = (policies.log_prob(actions[:, some]) - log_probs[:, some]).exp()
            credit = advantages[:, some]
            credit = (credit - credit.mean()) / (credit.std() + 1e-8)
            gained = torch.min(ratio * credit, ratio.clamp(1 - CLIP, 1 + CLIP) * credit).mean()
            missed = 0.5 * (agent.critic(out).squeeze(-1) - returns[:, some]).square().mean()
            loss = missed * 0.5 - gained - ENTROPY * policies.entropy().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), LONGEST)
            optimiser.step()
