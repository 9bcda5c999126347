"""A text of one's own: BLEU before and after reinforcement learning on a file of real captions.

The file is `captions_train.txt` of the named data "captions", as any other would be: `TextGen-Corpus-v0` with its path.
"""

import os
from pathlib import Path

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

CAPTIONS = str(Path(os.environ.get("TEXTGEN_DATA", "data")) / "captions_train.txt")
NETWORK = {"embedding_size": 64, "hidden_size": 128, "cell": "gru"}
LIKELIHOOD = {**NETWORK, "learning_rate": 0.003}
READ, WRITTEN = 1_000_000, 250_000
LENGTH = 17

EXPERIMENT = Experiment(
    name="own_text",
    description="10,000 captions of photographs: REINFORCE and SB3's PPO on BLEU, from nothing and from likelihood",
    env_id="TextGen-Corpus-v0",
    env_kwargs={"path": CAPTIONS, "min_count": 5, "unknown": "drop", "max_length": LENGTH},
    algorithms=(
        Algorithm("Random", "uniform"),
        Algorithm(
            "SB3-PPO",
            "stable_baselines3:PPO",
            kind="sb3",
            total_tokens=WRITTEN,
            hyperparameters={
                "n_steps": LENGTH,
                "batch_size": 272,
                "n_epochs": 4,
                "gamma": 1.0,
                "gae_lambda": 1.0,
                "vf_coef": 0.5,
                "learning_rate": 0.001,
                "ent_coef": 0.0,
            },
        ),
        Algorithm(
            "REINFORCE",
            "reinforce",
            WRITTEN,
            hyperparameters={**NETWORK, "learning_rate": 0.003, "batch_size": 256, "entropy_weight": 0.01},
        ),
        Algorithm("MLE", "mle", READ, hyperparameters=LIKELIHOOD),
        Algorithm("MLE-longer", "mle", WRITTEN, hyperparameters=LIKELIHOOD, init_from="MLE"),
        Algorithm(
            "MLE+REINFORCE",
            "reinforce",
            WRITTEN,
            hyperparameters={**NETWORK, "learning_rate": 0.0003, "batch_size": 64, "entropy_weight": 0.0},
            init_from="MLE",
        ),
    ),
    evaluation=Evaluation(
        points=10,
        episodes=256,
        final_episodes=1_024,
        test_texts=500,
        sample_texts=8,
        measures=("bleu_4", "nll_test", "self_bleu_4", "distinct_2"),
    ),
    baseline="Random",
    compared_with="MLE-longer",
    goal="data",
    unit="BLEU",
)
