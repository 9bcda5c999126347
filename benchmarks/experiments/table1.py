"""Table 1 of the SeqGAN paper, with the controls that it lacks: does an adversarial reward beat likelihood?

Yu, Zhang, Wang and Yu (2017), section 5. Every adversarial algorithm, and every control of one, begins as the maximum-
likelihood agent of its seed and takes as many steps of its generator.

Sizes: "small" on OracleSmall, its settings chosen on seed 100, which is not among those that are reported; "cpu" on the
released oracle, generator and maximum likelihood as in the paper, the discriminator's share cut; "paper" with the
paper's settings. The released oracle is read from the folder that the environment variable TEXTGEN_DATA names.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.experiments.adversarial_sizes import (
    BATCH,
    NETWORK,
    PAPER_DISCRIMINATOR,
    PAPER_LIKELIHOOD,
    STEADY,
    AdversarialSize,
)
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

RELEASED_ORACLE = str(Path(os.environ.get("TEXTGEN_DATA", "data")) / "seqgan_oracle.npz")
TEXTS = 10_000
SLOW = {**STEADY, "learning_rate": 0.001}
MEASURES = ("nll_oracle", "nll_test", "kl_forward", "kl_reverse", "entropy", "bleu_3", "self_bleu_3", "distinct_2")


@dataclass(frozen=True, kw_only=True)
class Size(AdversarialSize):
    """Size of the experiment: what differs between them.

    Attributes:
        bleu_steps, bleu_learning_rate: of PG-BLEU.
        coin: by how much an epoch lowers scheduled sampling's probability of the truth.
    """

    texts: int = TEXTS
    bleu_steps: int
    bleu_learning_rate: float
    coin: float

    def algorithms(self) -> tuple[Algorithm, ...]:
        """All that are compared."""
        bleu_tokens = self.bleu_steps * (self.step_tokens + self.tail_tokens)
        return (
            Algorithm("Uniform", "uniform"),
            Algorithm("Unigram", "unigram", TEXTS * self.length),
            self.mle(),
            *self.tempered(),
            Algorithm(
                "ScheduledSampling",
                "scheduled_sampling",
                self.mle_tokens,
                hyperparameters={**NETWORK, **self.likelihood, "c": self.coin},
            ),
            Algorithm(
                "PG-BLEU",
                "pg_bleu",
                bleu_tokens,
                hyperparameters={
                    **NETWORK,
                    "pretrain_epochs": 0,
                    "batch_size": BATCH,
                    "learning_rate": self.bleu_learning_rate,
                },
                env_id=f"TextGen-{self.game}BLEU-v0",
                env_kwargs={
                    "reward": {"name": "bleu", "max_order": 3, "smooth_method": "none", "effective_order": False}
                },
                init_from="MLE",
            ),
            # What the released baseline's library took for BLEU when it was run.
            Algorithm(
                "PG-NLTK-BLEU",
                "seqgan",
                bleu_tokens,
                hyperparameters={
                    **self.followed,
                    "d_steps": 0,
                    "rollouts": 1,
                    "learning_rate": self.bleu_learning_rate,
                },
                env_kwargs={"reward": "benchmarks.experiments.nltk_bleu:NltkBleu", "reward_mode": "terminal"},
                init_from="MLE",
            ),
            *self.seqgan(),
            self.adversarial("MaliGAN", {"credit": "softmax", "learning_rate": 0.003}, "log_odds", rollouts=0),
            self.adversarial("RankGAN", SLOW, "log_rank", {"name": "ranker", "gamma": 10.0}),
            self.constant(),
            self.control("Noise", {"reward": "random"}, {}),
            self.control("Noise-steady", {"reward": "random"}, STEADY),
            self.control("REINFORCE-oracle", {}, STEADY),
        )

    def experiment(self, name: str, description: str, seeds: tuple[int, ...]) -> Experiment:
        """The comparison in this size."""
        return Experiment(
            name=f"table1-{name}",
            description=description,
            env_id=self.env_id,
            env_kwargs=self.env_kwargs,
            algorithms=self.algorithms(),
            seeds=seeds,
            evaluation=Evaluation(
                points=20,
                episodes=256,
                final_episodes=2_048,
                measures=MEASURES,
                env_id=self.env_id,
                env_kwargs=self.env_kwargs,
                validation="nll",
            ),
            compared_with="SeqGAN",
            unit="nats a text",
            curve="nll_oracle",
        )


SMALL = Size(
    game="OracleSmall",
    length=10,
    mle_epochs=20,
    g_steps=180,
    bleu_steps=180,
    bleu_learning_rate=0.01,
    d_steps=2,
    d_epochs=1,
    d_samples=1_000,
    d_pretrain_steps=10,
    # From the truth to half of it over the epochs that there are.
    coin=0.025,
)
CPU = Size(
    game="Oracle",
    env_kwargs={"oracle": RELEASED_ORACLE},
    length=20,
    mle_epochs=120,
    g_steps=150,
    bleu_steps=800,
    bleu_learning_rate=0.001,
    d_steps=1,
    d_epochs=1,
    d_samples=640,
    d_pretrain_steps=50,
    coin=0.002,
    discriminator=PAPER_DISCRIMINATOR,
    likelihood=PAPER_LIKELIHOOD,
)
PAPER = Size(
    game="Oracle",
    env_kwargs={"oracle": RELEASED_ORACLE},
    length=20,
    mle_epochs=120,
    g_steps=200,
    bleu_steps=800,
    bleu_learning_rate=0.001,
    d_steps=5,
    d_epochs=3,
    d_samples=10_000,
    d_pretrain_steps=50,
    coin=0.002,
    discriminator=PAPER_DISCRIMINATOR,
    likelihood=PAPER_LIKELIHOOD,
)
EXPERIMENTS = {
    "small": SMALL.experiment(
        "small",
        "SeqGAN, its rivals and its controls on the small oracle; 5 seeds in 15 minutes on 2 cores",
        seeds=(0, 1, 2, 3, 4),
    ),
    "cpu": CPU.experiment(
        "cpu",
        "the same on the released oracle; cut for 2 cores: 150 rounds (paper: 200), each with 1 d-step of 640 texts "
        "and 1 pass (5 of 10,000 and 3), after 50 sets of 640 texts and 1 pass (10,000 and 3)",
        seeds=(0, 1, 2),
    ),
    "paper": PAPER.experiment("paper", "the same with the paper's settings, for --device cuda", seeds=(0, 1, 2)),
}
