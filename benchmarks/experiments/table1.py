"""Table 1 of the SeqGAN paper, with the controls that it lacks: does an adversarial reward beat likelihood?

Yu, Zhang, Wang and Yu (2017), section 5. Every adversarial row, and every control of one, begins as the maximum-
likelihood agent of its seed and takes as many steps of its generator. The settings were chosen on seed 100, which is
not among those that are reported.
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.specs import Evaluation, Experiment, Row

TEXTS, LENGTH, BATCH, ROLLOUTS = 10_000, 10, 64, 16
MLE_EPOCHS, G_STEPS = 20, 180
NETWORK = {"embedding_size": 32, "hidden_size": 32, "cell": "lstm"}
MLE_TOKENS = MLE_EPOCHS * TEXTS * LENGTH
# Of a g-step: its texts, and the continuations of every proper prefix.
STEP_TOKENS = BATCH * LENGTH + BATCH * ROLLOUTS * LENGTH * (LENGTH - 1) // 2
D_STEPS, D_SAMPLES, D_PRETRAIN_STEPS = 2, 1_000, 10
FOLLOWED = {**NETWORK, "pretrain_epochs": 0, "batch_size": BATCH, "rollouts": ROLLOUTS}
TAUGHT = {"d_steps": D_STEPS, "d_samples": D_SAMPLES, "d_pretrain_steps": D_PRETRAIN_STEPS, "d_epochs": 1}
ADVERSARIAL_TOKENS = G_STEPS * (STEP_TOKENS + D_STEPS * D_SAMPLES * LENGTH) + D_PRETRAIN_STEPS * D_SAMPLES * LENGTH
STEADY = {"learning_rate": 0.003, "baseline": "batch_mean"}
TEMPERATURES = (0.5, 0.75, 0.9, 1.1, 1.25, 1.5)


def adversarial(label: str, settings: Mapping[str, Any], output: str = "probability", tokens: int = 0) -> Row:
    """A row that follows a discriminator."""
    return Row(
        label,
        "agents.seqgan:SeqGAN",
        total_tokens=tokens or ADVERSARIAL_TOKENS,
        hyperparameters={**FOLLOWED, **TAUGHT, **settings},
        env_id="TextGen-OracleSmallGAN-v0",
        env_kwargs={"auto_update": False, "output": output},
        starts_from="MLE",
    )


def control(label: str, reward: str, settings: Mapping[str, Any]) -> Row:
    """SeqGAN with a reward that knows nothing in the discriminator's place."""
    return Row(
        label,
        "agents.seqgan:SeqGAN",
        total_tokens=G_STEPS * STEP_TOKENS,
        hyperparameters={**FOLLOWED, **settings, "d_steps": 0},
        env_kwargs={"reward": reward, "reward_mode": "terminal"},
        starts_from="MLE",
    )


SMALL = Experiment(
    name="table1-small",
    description="SeqGAN, its rivals and its controls on the small oracle; 5 seeds in 15 minutes on 2 cores",
    env_id="TextGen-OracleSmall-v0",
    rows=(
        Row("Uniform", "agents.random:Random"),
        Row("Unigram", "agents.unigram:Unigram", total_tokens=TEXTS * LENGTH),
        Row("MLE", "agents.mle:MLE", MLE_TOKENS, hyperparameters={**NETWORK, "learning_rate": 0.01}),
        *(
            Row(
                f"MLE-T{temperature:g}",
                "agents.tempered:Tempered",
                hyperparameters={**NETWORK, "temperature": temperature},
                starts_from="MLE",
            )
            for temperature in TEMPERATURES
        ),
        Row(
            "ScheduledSampling",
            "agents.scheduled_sampling:ScheduledSampling",
            MLE_TOKENS,
            # From the truth to half of it over the epochs that there are.
            hyperparameters={**NETWORK, "learning_rate": 0.01, "c": 0.5 / MLE_EPOCHS},
        ),
        Row(
            "PG-BLEU",
            "agents.pg_bleu:PGBleu",
            total_tokens=G_STEPS * (BATCH * LENGTH + BATCH * LENGTH * (LENGTH - 1) // 2),
            hyperparameters={**NETWORK, "pretrain_epochs": 0, "batch_size": BATCH, "learning_rate": 0.01},
            env_id="TextGen-OracleSmallBLEU-v0",
            env_kwargs={"max_order": 3, "smooth_method": "none", "effective_order": False},
            starts_from="MLE",
        ),
        adversarial("SeqGAN", {}),
        adversarial("SeqGAN-steady", STEADY, "log_odds"),
        adversarial(
            "MaliGAN",
            {"credit": "softmax", "rollouts": 0, "learning_rate": 0.003},
            "log_odds",
            G_STEPS * (BATCH + D_STEPS * D_SAMPLES) * LENGTH + D_PRETRAIN_STEPS * D_SAMPLES * LENGTH,
        ),
        control("Constant", "constant", {}),
        control("Noise", "random", {}),
        control("Noise-steady", "random", STEADY),
        Row(
            "REINFORCE-oracle",
            "agents.seqgan:SeqGAN",
            total_tokens=G_STEPS * STEP_TOKENS,
            hyperparameters={**FOLLOWED, **STEADY, "d_steps": 0},
            env_kwargs={"reward_mode": "terminal"},
            starts_from="MLE",
        ),
    ),
    seeds=(0, 1, 2, 3, 4),
    evaluation=Evaluation(
        points=10,
        episodes=256,
        final_episodes=2_048,
        measures=(
            "nll_oracle",
            "nll_test",
            "kl_forward",
            "kl_reverse",
            "entropy",
            "bleu_3",
            "self_bleu_3",
            "distinct_2",
        ),
        env_id="TextGen-OracleSmall-v0",
        validation="nll",
    ),
    compared_with="SeqGAN",
    unit="nats a text",
    curve="nll_oracle",
)
EXPERIMENTS = {"small": SMALL}
