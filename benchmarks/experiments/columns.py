"""One logit or two columns: does it matter how the discriminator's probability is written?

SeqGAN's code ends in a softmax over (written, real). The difference of its two columns is one logit, with the same
probabilities; but Adam moves each weight by about the learning rate, so that two columns, which move apart, move the
logit twice as fast. Rows of table1 and figure3 beside their twins with two columns; what is not a twin is theirs.
"""

from dataclasses import replace
from typing import Any

from benchmarks.experiments import figure3, table1
from benchmarks.specs.experiment import Algorithm, Experiment

SUFFIX = "-2columns"


def _twin(one: Algorithm) -> Algorithm:
    reward: dict[str, Any] = {**one.env_kwargs["reward"], "columns": 2}
    return replace(one, label=one.label + SUFFIX, env_kwargs={**one.env_kwargs, "reward": reward})


def _pairs(size: str, *chosen: tuple[Experiment, str]) -> Experiment:
    table = table1.EXPERIMENTS[size]
    mle = next(each for each in table.algorithms if each.label == "MLE")
    ones = [next(each for each in owner.algorithms if each.label == label) for owner, label in chosen]
    return replace(
        table,
        name=f"columns-{size}",
        description=f"the discriminator of table1 and figure3 --size {size} with one logit and with two columns",
        algorithms=(mle, *(each for one in ones for each in (one, _twin(one)))),
        shared={"MLE": table.name, **{label: owner.name for owner, label in chosen}},
    )


EXPERIMENTS = {
    "small": _pairs(
        "small",
        (table1.EXPERIMENTS["small"], "SeqGAN"),
        (table1.EXPERIMENTS["small"], "SeqGAN-steady"),
        (figure3.EXPERIMENTS["small"], "SeqGAN-g1-d5-k3"),
        (figure3.EXPERIMENTS["small"], "SeqGAN-g30-d1-k30"),
    ),
    "cpu": _pairs("cpu", (table1.EXPERIMENTS["cpu"], "SeqGAN")),
}
