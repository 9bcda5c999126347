"""Likelihood, scheduled sampling, SeqGAN and self-critical training on the small oracle, to be looked at closely.

`python -m benchmarks exposure` and `python -m benchmarks sweep` take its finished agents: does a policy go on worse
from its own prefixes than from real ones, and which one writes better texts at the same diversity? The runs of the rows
of table 1 are table 1's own. Self-critical training (Rennie et al. 2017) begins as the maximum-likelihood agent of its
seed, without an entropy bonus, as in the paper, and follows BLEU-3 against the training texts as PG-BLEU does there,
for as many updates of as many texts as SeqGAN takes.
"""

from dataclasses import replace

from benchmarks.experiments import table1
from benchmarks.experiments.adversarial_sizes import BATCH, NETWORK, STEADY
from benchmarks.specs.experiment import Algorithm, Experiment

SHARED = ("MLE", "ScheduledSampling", "SeqGAN", "SeqGAN-steady")
UPDATES = 180


def _small() -> Experiment:
    table = table1.EXPERIMENTS["small"]
    rows = {each.label: each for each in table.algorithms}
    game = rows["PG-BLEU"]
    scst = Algorithm(
        "SCST",
        "self_critical",
        # Of an update: its texts and the greedy one.
        UPDATES * (BATCH + 1) * table1.SMALL.length,
        hyperparameters={
            **NETWORK,
            "batch_size": BATCH,
            "learning_rate": STEADY["learning_rate"],
            "entropy_weight": 0.0,
        },
        env_id=game.env_id,
        env_kwargs=game.env_kwargs,
        init_from="MLE",
    )
    return replace(
        table,
        name="exposure",
        description="who goes on worse from its own prefixes than from real ones; shares runs of table1 --size small",
        algorithms=(*(rows[label] for label in SHARED), scst),
        seeds=(0, 1, 2),
        shared=dict.fromkeys(SHARED, table.name),
        compared_with="MLE",
    )


EXPERIMENT = _small()
