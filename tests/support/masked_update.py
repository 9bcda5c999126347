"""Update of REINFORCE in a game with masks and a large vocabulary, in a process of its own: prints the most memory, in
bytes, that the process has held before the update and after it.

    python masked_update.py V T N
"""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch

from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from textgen_env import BaseTask, TextGenVectorEnv, Vocabulary


class NoRepeats(BaseTask):
    """Texts of fixed length in which no token follows itself."""

    def __init__(self, vocab_size: int, max_length: int) -> None:
        self.vocabulary = Vocabulary([str(token) for token in range(vocab_size)])
        self.max_length = max_length

    def allowed_tokens(self, tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        allowed = np.ones((len(tokens), len(self.vocabulary)), np.bool_)
        begun = np.flatnonzero(lengths)
        allowed[begun, tokens[begun, lengths[begun] - 1]] = False
        return allowed


def peak_memory() -> int:
    """The most memory that this process has held, in bytes. Of the program alone: what `getrusage` says begins with
    the memory of the process that has started this one."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main(vocab_size: int, max_length: int, num_envs: int) -> None:
    envs: gym.vector.VectorEnv = TextGenVectorEnv(
        NoRepeats(vocab_size, max_length), lambda tokens, lengths, sources=None: tokens.sum(1) / 1e6, num_envs
    )
    agent = Reinforce(envs, ReinforceConfig(batch_size=num_envs))
    before = peak_memory()
    agent.train(envs, num_envs * max_length)
    assert agent.updates == 1
    assert all(torch.isfinite(parameter).all() for parameter in agent.parameters)
    print(before, peak_memory())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
