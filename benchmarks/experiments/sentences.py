"""The sentences that `make demo` shows: likelihood, and from there reinforcement learning of BLEU.

The control trains likelihood on for as many tokens.
"""

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

NETWORK = {"embedding_size": 64, "hidden_size": 128, "cell": "gru"}

EXPERIMENT = Experiment(
    name="sentences",
    description="Captions: likelihood, and from there REINFORCE on BLEU; a minute on 2 cores, one seed",
    env_id="TextGen-Captions-v1",
    algorithms=(
        Algorithm("Random", "uniform"),
        Algorithm("MLE", "mle", total_tokens=400_000, hyperparameters={**NETWORK, "learning_rate": 0.005}),
        Algorithm(
            "MLE-longer",
            "mle",
            total_tokens=100_000,
            hyperparameters={**NETWORK, "learning_rate": 0.005},
            init_from="MLE",
        ),
        Algorithm(
            "MLE+REINFORCE",
            "reinforce",
            total_tokens=100_000,
            hyperparameters={**NETWORK, "learning_rate": 0.0003, "batch_size": 64, "entropy_weight": 0.0},
            init_from="MLE",
        ),
    ),
    seeds=(0,),
    evaluation=Evaluation(
        points=10,
        episodes=256,
        final_episodes=1_024,
        sample_texts=8,
        test_texts=500,
        measures=("nll_test", "self_bleu_4", "distinct_2"),
    ),
    baseline="Random",
    goal="data",
    unit="BLEU",
)
