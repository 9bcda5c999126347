"""PPO of RLlib, unmodified."""

import gymnasium as gym
import ray
from ray.rllib.algorithms.ppo import PPOConfig

import textgen_env
from textgen_env.integrations.rllib import module_spec

gym.register_envs(textgen_env)
NUM_ENVS = 64


def train(id="TextGen-OracleSmall-v0", tokens=50_000, seed=0, num_env_runners=0, **env_config):
    """The mean return of the texts of each batch."""
    batch = NUM_ENVS * gym.make(id, **env_config).unwrapped.task.max_length
    config = (
        PPOConfig()
        # What stands before the colon is imported wherever an environment is made.
        .environment("textgen_env:" + id, env_config=env_config)
        .env_runners(
            num_env_runners=num_env_runners, num_envs_per_env_runner=NUM_ENVS // max(num_env_runners, 1),
            gym_env_vectorize_mode="vector_entry_point", rollout_fragment_length="auto",
        )
        .rl_module(rl_module_spec=module_spec())
        .training(
            train_batch_size_per_learner=batch, minibatch_size=batch // 4, num_epochs=4, lr=0.003, gamma=1.0,
            lambda_=0.95, clip_param=0.2, entropy_coeff=0.01, vf_loss_coeff=0.5, grad_clip=0.5, use_kl_loss=False,
            vf_clip_param=float("inf"),  # 10 by default: errors of more than 3.2 nats would teach nothing
        )
        .debugging(seed=seed, log_level="ERROR")
    )  # fmt: skip
    ray.init(num_cpus=max(num_env_runners, 1) + 1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    algorithm = config.build_algo()
    try:
        results = [algorithm.train() for _ in range(tokens // batch)]
        return [each["env_runners"]["episode_return_mean"] for each in results]
    finally:
        algorithm.stop()
        ray.shutdown()


if __name__ == "__main__":
    print(train()[-1])
