"""Sizes beyond all memory are refused in a moment, before memory is taken, with what is allowed."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Each as a user writes it; the process may take 8 GiB, and none of these is to come near.
PREAMBLE = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
import time
import gymnasium as gym
import numpy as np
import textgen_env
from agents.adversarial.seqgan import SeqGAN, SeqGANConfig
from agents.data.episodes import evaluate
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.value.dqn import DQN, DQNConfig
from textgen_env.metrics import BleuScorer
from textgen_env.rewards.bleu import BleuReward
from textgen_env.rewards.discriminator import DiscriminatorReward
tiny = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
for call, words in CALLS:
    begun = time.perf_counter()
    try:
        eval(call)
    except (ValueError, TypeError) as error:
        said = str(error)
        for each in words:
            assert each in said, f"{call}: {said!r} does not say {each!r}"
    else:
        raise SystemExit(f"{call}: taken")
    print(call, round(time.perf_counter() - begun, 3))
    assert time.perf_counter() - begun < 10, call
"""
CALLS = [
    ("gym.make('TextGen-Tiny-v0', vocab_size=10**8)", ("vocab_size=100000000", "from 1 to 1048576")),
    ("gym.make('TextGen-Oracle-v0', vocab_size=10**8)", ("vocab_size=100000000", "from 1 to 1048576")),
    ("gym.make('TextGen-Tiny-v0', train_size=10**10)", ("train_size=10000000000", "GiB", "at most 16 GiB")),
    ("gym.make('TextGen-Tiny-v0', max_length=10**10)", ("max_length=10000000000", "at most 16 GiB")),
    ("gym.make('TextGen-Oracle-v0', train_size=10**9)", ("train_size=1000000000, max_length=20", "149 GiB")),
    ("gym.make('TextGen-OracleSmall-v0', test_size=10**10)", ("test_size=10000000000",)),
    ("gym.make('TextGen-Captions-v1', train_size=10**9)", ("train_size=1000000000",)),
    ("gym.make('TextGen-Captions-v1', max_length=10**9)", ("max_length=1000000000",)),
    ("gym.make('TextGen-NumberWords-v0', max_number=10**9)", ("max_number=1000000000", "from 9 to 10000000")),
    ("gym.make_vec('TextGen-Tiny-v0', num_envs=10**9)", ("num_envs=1000000000, max_length=5", "37 GiB")),
    ("BleuReward(max_order=10**30)", ("max_order=1000000000000000000000000000000", "from 1 to 100")),
    ("BleuScorer([[1, 2]], max_order=10**30)", ("max_order=", "from 1 to 100")),
    ("DiscriminatorReward(embedding_size=10**9)", ("embedding_size=1000000000", "at most 16384")),
    ("DiscriminatorReward(counts=[10**9], widths=[1])", ("counts=[1000000000]", "at most 16384")),
    ("DiscriminatorReward(batch_size=10**12)", ("batch_size=1000000000000", "at most 16 GiB")),
    ("DiscriminatorReward(steps=10**12)", ("steps=1000000000000", "at most 16 GiB")),
    ("ReinforceConfig(hidden_size=10**9)", ("hidden_size=1000000000", "from 1 to 16384")),
    ("MLEConfig(embedding_size=10**9)", ("embedding_size=1000000000", "from 1 to 16384")),
    ("Reinforce(tiny, ReinforceConfig(batch_size=10**11)).train(tiny, 10)", ("texts=100000000000", "at most 16 GiB")),
    ("DQN(tiny, DQNConfig(replay_capacity=10**11))", ("capacity=100000000000, max_length=5", "at most 16 GiB")),
    ("Reinforce(tiny).sample(10**11)", ("100000000000", "at most 16 GiB")),
    ("evaluate(Reinforce(tiny).predict, tiny, episodes=10**12)", ("texts=1000000000000", "at most 16 GiB")),
]


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited by POSIX's resource")
def test_sizes_beyond_all_memory_are_refused_before_memory_is_taken() -> None:
    code = f"CALLS = {CALLS!r}\n{PREAMBLE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == len(CALLS)
