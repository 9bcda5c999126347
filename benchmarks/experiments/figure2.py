"""Figure 2 of the SeqGAN paper: how NLL_oracle falls in training, and where pre-training ends.

Yu, Zhang, Wang and Yu (2017). The runs are those of table1, in the same sizes: whichever of the two is run first does
them. Beside the paper's four curves stand the steadier SeqGAN and what a random reward does in its place.
"""

from dataclasses import replace

from benchmarks.experiments import table1
from benchmarks.specs.experiment import Experiment

SHOWN = ("MLE", "ScheduledSampling", "PG-BLEU", "PG-NLTK-BLEU", "SeqGAN", "SeqGAN-steady", "Noise-steady")


def _curves_of(table: Experiment, size: str) -> Experiment:
    return replace(
        table,
        name=f"figure2-{size}",
        description=f"learning curves of table1 --size {size}, whose runs it shares",
        algorithms=tuple(each for each in table.algorithms if each.label in SHOWN),
        shared={label: table.name for label in SHOWN},
    )


EXPERIMENTS = {size: _curves_of(table, size) for size, table in table1.EXPERIMENTS.items()}
