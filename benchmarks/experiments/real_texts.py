"""Tables 2 to 4 of the SeqGAN paper: rows, measures and comparison that the three have in common.

Yu, Zhang, Wang and Yu (2017), section 6. There is no oracle for real texts: what a generator is worth is said by BLEU
against texts that it has not seen, which rewards sharpness, and, beside it, by what shows at what price: the test NLL,
Self-BLEU, distinct n-grams, and the same measures of maximum likelihood at lower temperatures.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.experiments.adversarial_sizes import AdversarialSize
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment


@dataclass(frozen=True, kw_only=True)
class RealSize(AdversarialSize):
    """Size of a table of real texts.

    Attributes:
        order: of the table's BLEU.
        extra: measures besides those of all three.
        references: test texts that are left for BLEU: all but those that validation keeps.
        episodes, final_episodes: texts that a point of the curve and the end are measured on.
        points: of the learning curve.
    """

    order: int
    extra: tuple[str, ...] = ()
    validation_texts: int = 500
    points: int = 10
    episodes: int = 256
    final_episodes: int = 1_024

    def algorithms(self) -> tuple[Algorithm, ...]:
        """All that are compared."""
        return (
            Algorithm("Uniform", "uniform"),
            self.mle(),
            *self.tempered(),
            *self.seqgan(),
            self.constant(),
        )

    def measures(self) -> tuple[str, ...]:
        """The table's BLEU first."""
        own = f"bleu_{self.order}"
        others = (f"bleu_{n}" for n in (2, 3, 4) if n != self.order)
        return (own, f"nltk_{own}", *self.extra, "nll_test", "self_bleu_3", "distinct_2", "entropy", *others)

    def experiment(self, name: str, description: str) -> Experiment:
        """The comparison under this name."""
        return Experiment(
            name=name,
            description=description,
            env_id=self.env_id,
            env_kwargs=self.env_kwargs,
            algorithms=self.algorithms(),
            seeds=(0, 1, 2),
            evaluation=Evaluation(
                points=self.points,
                episodes=self.episodes,
                final_episodes=self.final_episodes,
                measures=self.measures(),
                env_id=self.env_id,
                env_kwargs=self.env_kwargs,
                validation="nll",
                validation_texts=self.validation_texts,
            ),
            compared_with="MLE",
            unit=f"BLEU-{self.order} against training texts",
        )
