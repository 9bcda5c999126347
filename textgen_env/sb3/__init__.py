"""Stable-Baselines3: the core as its vector environment, a features extractor that reads prefixes, a callback.

    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecMonitor, VecNormalize
    from textgen_env.sb3 import make_sb3_vec_env, policy_kwargs

    envs = VecMonitor(make_sb3_vec_env("TextGen-OracleSmall-v0", num_envs=64, seed=0))
    envs = VecNormalize(envs, norm_obs=False, gamma=1.0)
    model = PPO("MlpPolicy", envs, n_steps=10, batch_size=160, gamma=1.0, policy_kwargs=policy_kwargs())
    model.learn(60_000)

A task with sources takes "MultiInputPolicy" instead. Rewards of many nats a text are learned from several times faster
when scaled, as `VecNormalize` does; token ids must not be (`norm_obs=False`). `VecMonitor` inside it keeps the returns
in the reward's own unit.
"""

try:
    import stable_baselines3  # noqa: F401
except ImportError as error:
    raise ImportError(
        'textgen_env.sb3 needs Stable-Baselines3, which is not installed: pip install "textgen-env[sb3]"'
    ) from error

from textgen_env.sb3.discriminator import DiscriminatorCallback
from textgen_env.sb3.features import PrefixFeatures, policy_kwargs
from textgen_env.sb3.multi_discrete import VecMultiDiscrete
from textgen_env.sb3.vec_env import TextGenVecEnv, make_sb3_vec_env

__all__ = [
    "DiscriminatorCallback",
    "PrefixFeatures",
    "TextGenVecEnv",
    "VecMultiDiscrete",
    "make_sb3_vec_env",
    "policy_kwargs",
]
