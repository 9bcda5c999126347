"""Smoke test of the benchmark: every kind of algorithm for a moment, on texts few enough to enumerate."""

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

EXPERIMENT = Experiment(
    name="smoke",
    description="every kind of algorithm for a moment on Tiny; shows that the benchmark runs, in seconds",
    env_id="TextGen-Tiny-v0",
    algorithms=(
        Algorithm("Random", "uniform"),
        Algorithm("MLE", "mle", total_tokens=5_000),
        Algorithm("REINFORCE", "reinforce", total_tokens=20_000),
        Algorithm(
            "SB3-A2C",
            "stable_baselines3:A2C",
            kind="sb3",
            total_tokens=5_000,
            hyperparameters={"gamma": 1.0, "n_steps": 5},
        ),
    ),
    seeds=(0, 1),
    evaluation=Evaluation(
        points=5,
        episodes=64,
        final_episodes=256,
        measures=("nll_test", "entropy", "bleu_2", "self_bleu_2", "distinct_2"),
    ),
    baseline="Random",
    goal="optimum",
    compared_with="MLE",
)
