"""The comparison that `make demo` shows: do agents learn from a reward, ours and off-the-shelf ones?"""

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

# A rollout of 10 steps is one whole text a row, so that undiscounted returns need no estimate of what follows.
# The value's error is in squared nats, thousands at first: at its usual weight it drowns the policy's gradient in the
# GRU that they share.
WHOLE_TEXTS = {"n_steps": 10, "gamma": 1.0, "gae_lambda": 1.0, "vf_coef": 0.01, "learning_rate": 0.002}

EXPERIMENT = Experiment(
    name="quick",
    description="Random, MLE, REINFORCE, SB3's PPO and A2C on the small oracle; at most 3 minutes on 2 cores",
    env_id="TextGen-OracleSmall-v0",
    algorithms=(
        Algorithm("Random", "uniform"),
        Algorithm("MLE", "mle", total_tokens=400_000),
        Algorithm("REINFORCE", "reinforce", total_tokens=200_000),
        Algorithm(
            "SB3-PPO",
            "stable_baselines3:PPO",
            kind="sb3",
            total_tokens=200_000,
            hyperparameters={**WHOLE_TEXTS, "batch_size": 640, "n_epochs": 4, "ent_coef": 0.01},
        ),
        Algorithm(
            "SB3-A2C",
            "stable_baselines3:A2C",
            kind="sb3",
            total_tokens=200_000,
            hyperparameters={**WHOLE_TEXTS, "normalize_advantage": True, "ent_coef": 0.02},
        ),
    ),
    evaluation=Evaluation(points=20, episodes=256, final_episodes=1_024),
    baseline="Random",
    goal="greedy",
    unit="nats a text",
    expected_shares={"REINFORCE": 0.5, "SB3-PPO": 0.5},
)
