"""Does it pay to learn on the metric? From the same maximum-likelihood agent, by reward and by more likelihood.

Ranzato, Chopra, Auli and Zaremba (2016), Bahdanau et al. (2017) and Rennie et al. (2017) train on the metric that they
report. Here every algorithm that does begins as the early-stopped maximum-likelihood agent of its seed, and spends the
same tokens as the control, which goes on with likelihood. All are measured on sources that nobody learned from, written
greedily, drawn and by beam search. How many texts there are to learn from is chosen so that likelihood alone is not
perfect. Settings chosen on seed 100, which is not among those that are reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

LEARNERS = ("REINFORCE", "SCST", "MIXER", "A2C", "A2C-MLE", "PPO", "RLOO")
# Of the papers: no bonus on entropy, but for A2C and PPO, where it does not fade.
PLAIN = {"entropy_weight": 0.0}
BONUS = {"entropy_weight": 0.01, "entropy_half_life": None}
# As Bahdanau et al. 2017 do, the log-likelihood beside the reward. Rewards of a batch are scaled here: theirs are not.
LIKELIHOOD_TERM = {"likelihood_weight": 0.1}
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class World:
    """World to learn in: its texts, its metric, and how long is learned.

    Attributes:
        env_id: whose default reward is the metric.
        env_kwargs: of training.
        held_out: of the environment that agents are measured in, beside those.
        network: hyperparameters of all agents.
        likelihood_tokens: of maximum likelihood and of scheduled sampling.
        tokens: that each algorithm, and the control, spends after that.
        metric: measure that is asked about; where texts have no source it is of samples, as a search finds but one.
        measures: that are shown.
        costs: of them, what learning on the metric may lose.
        unit: of the metric.
        learning_rate: of the algorithms that learn on the metric.
        temperatures: of further controls: the early-stopped agent, its logits divided.
    """

    env_id: str
    likelihood_tokens: int
    tokens: int
    metric: str
    measures: tuple[str, ...]
    costs: tuple[str, ...]
    unit: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    held_out: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    learning_rate: float = 0.001
    temperatures: tuple[float, ...] = ()

    def algorithms(self) -> tuple[Algorithm, ...]:
        """All that are compared."""
        network = dict(self.network)

        def learner(label: str, agent: str, **hyperparameters: Any) -> Algorithm:
            own = {**network, "learning_rate": self.learning_rate, **hyperparameters}
            return Algorithm(label, agent, self.tokens, hyperparameters=own, init_from="MLE", init_at="best")

        return (
            Algorithm("MLE", "mle", self.likelihood_tokens, hyperparameters=network),
            Algorithm("MLE-stopped", "mle", hyperparameters=network, init_from="MLE", init_at="best"),
            Algorithm("MLE-longer", "mle", self.tokens, hyperparameters=network, init_from="MLE", init_at="best"),
            *(
                Algorithm(
                    f"MLE-T{temperature:g}",
                    "tempered",
                    hyperparameters={**network, "temperature": temperature},
                    init_from="MLE",
                    init_at="best",
                )
                for temperature in self.temperatures
            ),
            Algorithm(
                "ScheduledSampling",
                "scheduled_sampling",
                self.likelihood_tokens,
                # From the truth to half of it over the updates that there are, of some 500 tokens each.
                hyperparameters={**network, "counted_in": "updates", "c": 250 / self.likelihood_tokens},
            ),
            learner("REINFORCE", "reinforce", **PLAIN),
            learner("SCST", "self_critical", **PLAIN),
            learner("MIXER", "mixer", **PLAIN, xent_updates=0),
            learner("A2C", "a2c", **BONUS),
            learner("A2C-MLE", "a2c", **BONUS, **LIKELIHOOD_TERM),
            # Its steps are sixteen a batch.
            learner("PPO", "ppo", **BONUS | {"learning_rate": self.learning_rate / 3}),
            learner("RLOO", "rloo", **PLAIN),
        )

    def experiment(self, name: str, description: str, seeds: tuple[int, ...]) -> Experiment:
        """The comparison in this world."""
        return Experiment(
            name=f"metric-{name}",
            description=description,
            env_id=self.env_id,
            env_kwargs=self.env_kwargs,
            algorithms=self.algorithms(),
            seeds=seeds,
            evaluation=Evaluation(
                points=10,
                episodes=128,
                final_episodes=512,
                test_texts=500,
                measures=self.measures,
                env_id=self.env_id,
                env_kwargs={**self.env_kwargs, **self.held_out},
                validation="nll",
            ),
            goal="",
            compared_with="MLE-longer",
            unit=self.unit,
            metric=self.metric,
            learners=LEARNERS,
            costs=self.costs,
        )


TRANSLATED = (
    *(
        f"{how}_{what}"
        for what in ("return", "corpus_bleu", "corpus_chrf", "wer", "exact")
        for how in ("greedy", "sample", "beam")
    ),
    "nll_test",
    "entropy",
    "distinct_2",
)
WRITTEN = ("sample_return", "greedy_return", "beam_return", "nll_test", "entropy", "self_bleu_3", "distinct_2")
ATTENTION = {"attention": "general"}


def numbers(train_size: int, likelihood_tokens: int, tokens: int) -> World:
    """Number words from so few numbers that others are not spelt right."""
    return World(
        "TextGen-NumberWords-v0",
        likelihood_tokens,
        tokens,
        "greedy_return",
        TRANSLATED,
        ("nll_test", "distinct_2"),
        "BLEU",
        {"train_size": train_size},
        {"split": "test"},
        ATTENTION,
    )


def captions(train_size: int, likelihood_tokens: int, tokens: int) -> World:
    """Captions: a sentence earns what it has in common with those of the training data."""
    return World(
        "TextGen-Captions-v1",
        likelihood_tokens,
        tokens,
        "sample_return",
        WRITTEN,
        ("nll_test", "self_bleu_3"),
        "BLEU",
        {"train_size": train_size},
        temperatures=(0.5,),
    )


def poems(likelihood_tokens: int, tokens: int) -> World:
    """Chinese quatrains by character: a poem earns the pairs of characters that it has in common with real ones."""
    return World(
        "TextGen-Poems-v0",
        likelihood_tokens,
        tokens,
        "sample_return",
        WRITTEN,
        ("nll_test", "self_bleu_3"),
        "BLEU-2",
        temperatures=(0.5,),
    )


def transcribe(train_size: int, likelihood_tokens: int, tokens: int) -> World:
    """Sentences heard through noise."""
    return World(
        "TextGen-Transcribe-v0",
        likelihood_tokens,
        tokens,
        "greedy_return",
        TRANSLATED,
        ("nll_test", "distinct_2"),
        "-WER",
        {"train_size": train_size},
        {"split": "test"},
        ATTENTION,
    )


EXPERIMENTS = {
    "numbers-small": numbers(300, 100_000, 100_000).experiment(
        "numbers-small", "likelihood or the metric, on number words learned from 300 numbers", SEEDS
    ),
    "captions-small": captions(1_000, 120_000, 40_000).experiment(
        "captions-small", "likelihood or the metric, on captions learned from 1,000", SEEDS
    ),
    "transcribe-small": transcribe(4_000, 400_000, 100_000).experiment(
        "transcribe-small", "likelihood or the metric, on 4,000 captions heard through noise", SEEDS
    ),
    "poems-small": poems(400_000, 100_000).experiment(
        "poems-small", "likelihood or the metric, on Chinese quatrains", SEEDS
    ),
    "numbers-cpu": numbers(300, 200_000, 1_000_000).experiment("numbers-cpu", "the same for longer", SEEDS),
    "captions-cpu": captions(10_000, 2_000_000, 1_000_000).experiment(
        "captions-cpu", "the same on 10,000 captions, for longer", SEEDS
    ),
    "transcribe-cpu": transcribe(10_000, 2_000_000, 1_000_000).experiment(
        "transcribe-cpu", "the same on 10,000 captions, for longer", SEEDS
    ),
    "poems-cpu": poems(4_000_000, 1_000_000).experiment("poems-cpu", "the same for longer", SEEDS),
}
