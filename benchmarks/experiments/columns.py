"""One logit or two columns: does it matter how the discriminator's probability is written?

SeqGAN's code ends in a softmax over (written, real). The difference of its two columns is one logit, with the same
probabilities; but Adam moves each weight by about the learning rate, so that two columns, which move apart, move the
logit twice as fast. SeqGAN as table1 has it, and with (1, 5, 3) as figure3 has it, each with two columns; beside them
the rows of table1 with one.
"""

from dataclasses import replace

from benchmarks.experiments import figure3, table1
from benchmarks.specs.experiment import Algorithm, Experiment

SUFFIX = "-2columns"
SHARED = ("MLE", "SeqGAN")


def _twin(one: Algorithm) -> Algorithm:
    reward = {**one.env_kwargs["reward"], "columns": 2}
    return replace(one, label=one.label + SUFFIX, env_kwargs={**one.env_kwargs, "reward": reward})


def _twins(size: str) -> Experiment:
    table = table1.EXPERIMENTS[size]
    rows = {each.label: each for each in (*table.algorithms, *figure3.EXPERIMENTS[size].algorithms)}
    twins = (_twin(rows[label]) for label in ("SeqGAN", "SeqGAN-g1-d5-k3"))
    return replace(
        table,
        name=f"columns-{size}",
        description=f"the discriminator of table1 and figure3 --size {size} with two columns in place of one logit",
        algorithms=(*(rows[label] for label in SHARED), *twins),
        shared=dict.fromkeys(SHARED, table.name),
    )


EXPERIMENTS = {size: _twins(size) for size in table1.EXPERIMENTS}
