"""Texts of an agent as a Minari data set, read by d3rlpy and by the Off-policy agent here."""

import d3rlpy
import gymnasium as gym
import minari
import numpy as np
import torch

import textgen_env
from agents.data.episodes import evaluate
from agents.imitation.mle import MLE
from agents.policy_gradient.off_policy import OffPolicy, OffPolicyConfig
from textgen_env import wrappers
from textgen_env.integrations.minari import TaskWithTexts, arrays_of, record, texts_of
from textgen_env.wrappers.one_hot import one_hot

gym.register_envs(textgen_env)
NAME = "textgen/number-words-v0"


def train(id="TextGen-NumberWords-v0", tokens=50_000, seed=0, episodes=1_000, steps=2_000, **arguments):
    """Mean scores: of the agent that wrote the texts, of d3rlpy's imitation of them, of the agent that learned from
    them off-policy."""
    torch.manual_seed(seed)
    d3rlpy.seed(seed)
    envs = gym.make_vec(id, num_envs=64, **arguments)
    writer = MLE(envs, seed=seed).train(envs, tokens)

    # d3rlpy takes one row of numbers an observation.
    env = wrappers.OneHotObservation(gym.make(id, **arguments))
    if NAME in minari.list_local_datasets():
        minari.delete_dataset(NAME)
    record(env, writer.predict, NAME, episodes, seed=seed, algorithm_name="MLE", eval_env=env)

    dataset = minari.load_dataset(NAME)
    imitation = d3rlpy.algos.DiscreteBCConfig(learning_rate=0.001, beta=0.0).create()
    steps_of_texts = d3rlpy.dataset.MDPDataset(**arrays_of(dataset))
    imitation.fit(steps_of_texts, n_steps=steps, n_steps_per_epoch=steps, save_interval=10, show_progress=False,
                  logger_adapter=d3rlpy.logging.NoopAdapterFactory())  # fmt: skip

    def predict(observation, state, episode_start, deterministic):
        return imitation.predict(one_hot(observation, envs.single_observation_space)), None

    task = envs.unwrapped.task
    own = gym.make_vec(id, num_envs=64, task=TaskWithTexts(task, texts_of(dataset, task)))
    config = OffPolicyConfig(learns_from="data", refresh_every=None, pretrain_epochs=20)
    off_policy = OffPolicy(own, config, seed=seed).train(own, tokens)
    scores = [evaluate(each, envs, 500, seed=seed).returns for each in (writer.predict, predict, off_policy.predict)]
    return [float(np.mean(each)) for each in scores]


if __name__ == "__main__":
    print(train(max_number=99))
