"""Do agents reach the exact answer? Tiny is solved by dynamic programming, and every agent is held to its optimum.

An agent that maximises the return should earn 98% of the best text's score; one that maximises return + entropy should
be within 0.02 nats a text of the soft optimum. Shares and divergences are exact, by `textgen_env.solve`, of what
`predict` draws. DQN and QR-DQN of Stable-Baselines3 explore while they learn and are greedy at the end, so that their
curves show what they do, not what they know. Settings were chosen on seeds from 100 on.

To add an agent: a line in RETURN or in SOFT.
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

RETURN_BAR, SOFT_BAR = 0.98, 0.02
# Tiny's best text stands alone: the bonus keeps every token in play until it has been found, and then fades.
FOUND = {"entropy_weight": 1.0, "entropy_half_life": 25_000}


def _reinforce(label: str, credit: str, baseline: str, **more: Any) -> Algorithm:
    settings = {**FOUND, "credit": credit, "baseline": baseline, **more}
    return Algorithm(f"REINFORCE-{label}", "reinforce", 200_000, hyperparameters=settings)


def _sb3(agent: str, total_tokens: int, num_envs: int = 64, **more: Any) -> Algorithm:
    """An algorithm of Stable-Baselines3 or sb3-contrib; `more` are hyperparameters and fields of `Algorithm`."""
    fields = {name: more.pop(name) for name in ("policy", "policy_kwargs", "masked") if name in more}
    label = f"SB3-{agent.partition(':')[2]}"
    settings = {"gamma": 1.0, **more}
    return Algorithm(label, agent, total_tokens, "sb3", num_envs=num_envs, hyperparameters=settings, **fields)


# A rollout of T steps is one whole text a row, or more: what follows needs no estimate.
WHOLE_TEXTS: Mapping[str, Any] = {"n_steps": 5, "gae_lambda": 1.0, "learning_rate": 0.003}
# Advantages in the unit of the reward, as the bonus is. A bonus that stays leaves one seed in five at another text
# than the best if it is small, and the policy too far from the best one if it is not. TRPO has none.
FADING: Mapping[str, Any] = {
    **WHOLE_TEXTS,
    "ent_coef": 1.0,
    "ent_half_life": 12_000,
    "normalize_advantage": False,
}
CLIPPED: Mapping[str, Any] = {**FADING, "batch_size": 320, "n_epochs": 4}
REPLAYED: Mapping[str, Any] = {
    "learning_rate": 0.002,
    "batch_size": 128,
    "learning_starts": 2_000,
    "train_freq": 1,
    "target_update_interval": 320,
    "exploration_fraction": 0.8,
    "exploration_final_eps": 0.0,
}
# What maximises the return.
RETURN: tuple[Algorithm, ...] = (
    _reinforce("whole", "whole", "none"),
    _reinforce("whole-constant", "whole", "constant", constant=2.0),
    _reinforce("whole-mean", "whole", "batch_mean"),
    _reinforce("whole-learned", "whole", "learned"),
    _reinforce("to-go", "reward_to_go", "none"),
    _reinforce("to-go-constant", "reward_to_go", "constant", constant=2.0),
    _reinforce("to-go-mean", "reward_to_go", "batch_mean"),
    _reinforce("to-go-learned", "reward_to_go", "learned"),
    Algorithm("Q-learning", "q_learning", 100_000),
    # What it says of the first token hovers while exploration fades: smaller steps for longer settle it.
    Algorithm("SARSA", "sarsa", 160_000, hyperparameters={"step_size": 0.05, "exploration_tokens": 120_000}),
    Algorithm("DQN", "dqn", 100_000),
    Algorithm("Double-DQN", "dqn", 100_000, hyperparameters={"double": True}),
    Algorithm("Deep-SARSA", "deep_sarsa", 140_000),
    Algorithm("A2C", "a2c", 60_000, hyperparameters={"entropy_weight": 0.6, "entropy_half_life": 30_000}),
    # Once texts hardly differ, advantages are the critic's errors alone: scaled to unit size they undo what it learned.
    Algorithm(
        "PPO",
        "ppo",
        60_000,
        hyperparameters={"scale_advantages": False, "entropy_weight": 1.0, "entropy_half_life": 12_000},
    ),
    Algorithm("NPG", "npg", 60_000),
    # Its steps are as long as ever where the policy is nearly certain, and few texts of a batch then differ: with 128
    # of them it wanders off again.
    Algorithm(
        "TRPO",
        "trpo",
        120_000,
        hyperparameters={"entropy_weight": 0.6, "entropy_half_life": 30_000, "batch_size": 320},
    ),
    Algorithm("RLOO", "rloo", 100_000),
    Algorithm("GRPO", "grpo", 100_000),
    Algorithm("SCST", "self_critical", 100_000),
    Algorithm("MIXER", "mixer", 100_000),
    Algorithm("Off-policy", "off_policy", 100_000, hyperparameters=FOUND),
    _sb3("stable_baselines3:PPO", 60_000, **CLIPPED),
    _sb3("stable_baselines3:A2C", 100_000, **FADING),
    _sb3("stable_baselines3:DQN", 40_000, num_envs=16, **REPLAYED),
    _sb3("sb3_contrib:MaskablePPO", 60_000, **CLIPPED, masked=True),
    _sb3(
        "sb3_contrib:RecurrentPPO",
        50_000,
        **{**CLIPPED, "learning_rate": 0.002},
        policy="MlpLstmPolicy",
        policy_kwargs={"lstm_hidden_size": 32},
    ),
    _sb3("sb3_contrib:QRDQN", 40_000, num_envs=16, **REPLAYED, policy_kwargs={"n_quantiles": 10}),
    # It has no bonus: half of the seeds stay at another text than the best, with more texts and shorter steps as with
    # fewer.
    _sb3(
        "sb3_contrib:TRPO",
        150_000,
        num_envs=512,
        **WHOLE_TEXTS,
        batch_size=2_560,
        target_kl=0.003,
        n_critic_updates=5,
        cg_max_steps=6,
    ),
)
# What maximises return + entropy, at the temperature 1.
SOFT: tuple[Algorithm, ...] = (Algorithm("Soft-PG", "soft_policy_gradient", 400_000),)

EXPERIMENT = Experiment(
    name="exact",
    description="every agent against the exact optimum of Tiny; 10 seeds in half an hour on 2 cores, or --seeds 3",
    env_id="TextGen-Tiny-v0",
    algorithms=(Algorithm("Random", "uniform"), *RETURN, *SOFT),
    seeds=tuple(range(10)),
    evaluation=Evaluation(
        points=20, episodes=256, final_episodes=1_024, sample_texts=3, measures=("optimum_share", "kl_soft", "entropy")
    ),
    goal="optimum",
    expected_shares={each.label: RETURN_BAR for each in RETURN},
    at_most={"kl_soft": {each.label: SOFT_BAR for each in SOFT}},
    threshold=0.95,
)
