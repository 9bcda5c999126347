"""Figure 3 of the SeqGAN paper: how often the generator and the discriminator learn in a round.

Yu, Zhang, Wang and Yu (2017), "Discussion". Four settings of g-steps, d-steps and k, the passes of a d-step over its
texts, each with as many g-steps in all. Every algorithm begins as the maximum-likelihood agent of its seed, which is
that of table1 in the same size, and with the same pre-training of the discriminator.
"""

from dataclasses import replace

from benchmarks.experiments import table1
from benchmarks.experiments.adversarial_sizes import BATCH, ROLLOUTS
from benchmarks.experiments.table1 import Size
from benchmarks.specs.experiment import Algorithm, Experiment

# g-steps, d-steps, k: (a) to (d) of the figure.
STRATEGIES = ((100, 1, 10), (30, 1, 30), (1, 1, 10), (1, 5, 3))
# k before the first g-step, for all of them.
PRETRAIN_EPOCHS = 3


def _strategies(size: Size, name: str, d_samples: int, note: str) -> Experiment:
    size = replace(size, d_samples=d_samples)
    table = table1.EXPERIMENTS[name]
    algorithms = {each.label: each for each in size.algorithms()}
    return replace(
        table,
        name=f"figure3-{name}",
        description=f"SeqGAN with (g-steps, d-steps, k) = (100, 1, 10), (30, 1, 30), (1, 1, 10), (1, 5, 3); {note}",
        algorithms=(algorithms["MLE"], *(_seqgan(size, algorithms["SeqGAN"], *strategy) for strategy in STRATEGIES)),
        shared={"MLE": table.name},
        compared_with="SeqGAN-g1-d5-k3",
    )


def _seqgan(size: Size, adversarial: Algorithm, g_steps: int, d_steps: int, d_epochs: int) -> Algorithm:
    step = BATCH * size.length * (1 + ROLLOUTS * (size.length - 1) // 2)
    taught = (size.g_steps * d_steps // g_steps + size.d_pretrain_steps) * size.d_samples * size.length
    turns = {"g_steps": g_steps, "d_steps": d_steps, "d_epochs": d_epochs, "d_pretrain_epochs": PRETRAIN_EPOCHS}
    return replace(
        adversarial,
        label=f"SeqGAN-g{g_steps}-d{d_steps}-k{d_epochs}",
        total_tokens=size.g_steps * step + taught,
        hyperparameters={**adversarial.hyperparameters, **turns},
    )


EXPERIMENTS = {
    "small": _strategies(table1.SMALL, "small", 128, "on the small oracle, a d-step of 128 texts"),
    "cpu": _strategies(table1.CPU, "cpu", 128, "on the released oracle, a d-step of 128 texts (paper: 10,000)"),
    "paper": _strategies(table1.PAPER, "paper", 10_000, "with the paper's settings, for --device cuda"),
}
