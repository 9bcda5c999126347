"""Table 1 of the SeqGAN paper, with the controls that it lacks: does an adversarial reward beat likelihood?

Yu, Zhang, Wang and Yu (2017), section 5. Every adversarial algorithm, and every control of one, begins as the maximum-
likelihood agent of its seed and takes as many steps of its generator.

Sizes: "small" on OracleSmall, its settings chosen on seed 100, which is not among those that are reported; "cpu" on the
released oracle, generator and maximum likelihood as in the paper, the discriminator's share cut; "paper" with the
paper's settings. The released oracle is read from the folder that the environment variable TEXTGEN_DATA names.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

RELEASED_ORACLE = str(Path(os.environ.get("TEXTGEN_DATA", "data")) / "seqgan_oracle.npz")
TEXTS, BATCH, ROLLOUTS = 10_000, 64, 16
NETWORK = {"embedding_size": 32, "hidden_size": 32, "cell": "lstm"}
STEADY = {"learning_rate": 0.003, "baseline": "batch_mean"}
SLOW = {**STEADY, "learning_rate": 0.001}
TEMPERATURES = (0.5, 0.75, 0.9, 1.1, 1.25, 1.5)
MEASURES = ("nll_oracle", "nll_test", "kl_forward", "kl_reverse", "entropy", "bleu_3", "self_bleu_3", "distinct_2")
# The paper's network; the environment's own default is for a laptop.
PAPER_DISCRIMINATOR = {
    "embedding_size": 64,
    "widths": [*range(1, 11), 15, 20],
    "counts": [100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160],
    "learning_rate": 1e-4,
}

PAPER_LIKELIHOOD = {"learning_rate": 0.01, "initial_std": 0.1}


@dataclass(frozen=True)
class Size:
    """Size of the experiment: what differs between them.

    Attributes:
        oracle: name of the ids: TextGen-`oracle`-v0, -`oracle`BLEU-v0, -`oracle`GAN-v0.
        env_kwargs: of all environments.
        length: T.
        mle_epochs: of maximum likelihood and of scheduled sampling.
        g_steps: generator steps of each algorithm that follows a reward, but for PG-BLEU.
        bleu_steps, bleu_learning_rate: of PG-BLEU.
        d_steps, d_epochs, d_samples: between two of them; see `agents.adversarial.seqgan.SeqGANConfig`.
        d_pretrain_steps: before the first.
        discriminator: arguments of the discriminator.
        likelihood: settings of maximum likelihood and of scheduled sampling.
        coin: by how much an epoch lowers scheduled sampling's probability of the truth.
    """

    oracle: str
    env_kwargs: Mapping[str, Any]
    length: int
    mle_epochs: int
    g_steps: int
    bleu_steps: int
    bleu_learning_rate: float
    d_steps: int
    d_epochs: int
    d_samples: int
    d_pretrain_steps: int
    coin: float
    discriminator: Mapping[str, Any] = field(default_factory=dict)
    likelihood: Mapping[str, Any] = field(default_factory=lambda: {"learning_rate": 0.01})

    def algorithms(self) -> tuple[Algorithm, ...]:
        """All that are compared."""
        mle_tokens = self.mle_epochs * TEXTS * self.length
        # Of a generator step: its texts, and one continuation of each prefix of theirs.
        step, tails = BATCH * self.length, BATCH * self.length * (self.length - 1) // 2
        taught = (self.g_steps * self.d_steps + self.d_pretrain_steps) * self.d_samples * self.length
        followed = {**NETWORK, "pretrain_epochs": 0, "batch_size": BATCH, "rollouts": ROLLOUTS}
        learner = {
            "d_steps": self.d_steps,
            "d_samples": self.d_samples,
            "d_pretrain_steps": self.d_pretrain_steps,
            "d_epochs": self.d_epochs,
        }

        def adversarial(
            label: str,
            settings: Mapping[str, Any],
            output: str,
            rollouts: int,
            reward: Mapping[str, Any] | None = None,
        ) -> Algorithm:
            return Algorithm(
                label,
                "seqgan",
                self.g_steps * (step + rollouts * tails) + taught,
                hyperparameters={**followed, **learner, **settings, "rollouts": rollouts},
                env_id=f"TextGen-{self.oracle}GAN-v0",
                env_kwargs={
                    "reward": {
                        "name": "discriminator",
                        **self.discriminator,
                        "auto_update": False,
                        "output": output,
                        **(reward or {}),
                    }
                },
                init_from="MLE",
            )

        def control(
            label: str, env_kwargs: Mapping[str, Any], settings: Mapping[str, Any], rollouts: int = ROLLOUTS
        ) -> Algorithm:
            return Algorithm(
                label,
                "seqgan",
                self.g_steps * (step + rollouts * tails),
                hyperparameters={**followed, **settings, "d_steps": 0, "rollouts": rollouts},
                env_kwargs={**env_kwargs, "reward_mode": "terminal"},
                init_from="MLE",
            )

        likelihood = {**NETWORK, **self.likelihood}
        return (
            Algorithm("Uniform", "uniform"),
            Algorithm("Unigram", "unigram", TEXTS * self.length),
            Algorithm("MLE", "mle", mle_tokens, hyperparameters=likelihood),
            *(
                Algorithm(
                    f"MLE-T{temperature:g}",
                    "tempered",
                    hyperparameters={**NETWORK, "temperature": temperature},
                    init_from="MLE",
                )
                for temperature in TEMPERATURES
            ),
            Algorithm(
                "ScheduledSampling",
                "scheduled_sampling",
                mle_tokens,
                hyperparameters={**likelihood, "c": self.coin},
            ),
            Algorithm(
                "PG-BLEU",
                "pg_bleu",
                self.bleu_steps * (step + tails),
                hyperparameters={
                    **NETWORK,
                    "pretrain_epochs": 0,
                    "batch_size": BATCH,
                    "learning_rate": self.bleu_learning_rate,
                },
                env_id=f"TextGen-{self.oracle}BLEU-v0",
                env_kwargs={
                    "reward": {"name": "bleu", "max_order": 3, "smooth_method": "none", "effective_order": False}
                },
                init_from="MLE",
            ),
            # What the released baseline's library took for BLEU when it was run.
            Algorithm(
                "PG-NLTK-BLEU",
                "seqgan",
                self.bleu_steps * (step + tails),
                hyperparameters={
                    **followed,
                    "d_steps": 0,
                    "rollouts": 1,
                    "learning_rate": self.bleu_learning_rate,
                },
                env_kwargs={"reward": "benchmarks.experiments.nltk_bleu:NltkBleu", "reward_mode": "terminal"},
                init_from="MLE",
            ),
            adversarial("SeqGAN", {}, "probability", ROLLOUTS),
            adversarial("SeqGAN-steady", STEADY, "log_odds", ROLLOUTS),
            adversarial("MaliGAN", {"credit": "softmax", "learning_rate": 0.003}, "log_odds", 0),
            adversarial("RankGAN", SLOW, "log_rank", ROLLOUTS, {"name": "ranker", "gamma": 10.0}),
            # All continuations of a prefix would earn the same.
            control("Constant", {"reward": "constant"}, {}, rollouts=0),
            control("Noise", {"reward": "random"}, {}),
            control("Noise-steady", {"reward": "random"}, STEADY),
            control("REINFORCE-oracle", {}, STEADY),
        )

    def experiment(self, name: str, description: str, seeds: tuple[int, ...]) -> Experiment:
        """The comparison in this size."""
        return Experiment(
            name=f"table1-{name}",
            description=description,
            env_id=f"TextGen-{self.oracle}-v0",
            env_kwargs=self.env_kwargs,
            algorithms=self.algorithms(),
            seeds=seeds,
            evaluation=Evaluation(
                points=20,
                episodes=256,
                final_episodes=2_048,
                measures=MEASURES,
                env_id=f"TextGen-{self.oracle}-v0",
                env_kwargs=self.env_kwargs,
                validation="nll",
            ),
            compared_with="SeqGAN",
            unit="nats a text",
            curve="nll_oracle",
        )


SMALL = Size(
    "OracleSmall",
    {},
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
    "Oracle",
    {"oracle": RELEASED_ORACLE},
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
    "Oracle",
    {"oracle": RELEASED_ORACLE},
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
