"""What is measured of a trained policy, and the levels that returns are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants import Contestant, NoLikelihood
from benchmarks.results import Reference
from textgen_env import Task, Texts
from textgen_env.metrics import distinct_n
from textgen_env.rewards.likelihood import HasLanguageModel


class NotApplicable(Exception):
    """The measure does not exist for this policy or task; the message says why."""


@dataclass(frozen=True)
class Measured:
    """What a measure may look at.

    Attributes:
        contestant: the trained policy.
        texts: its own, from the final evaluation.
        task: of the evaluation environment.
        test_texts: how many of the task's test texts to use.
    """

    contestant: Contestant
    texts: Texts
    task: Task
    test_texts: int


def nll_oracle(measured: Measured) -> float:
    """-log p_oracle of the policy's texts, nats a token (Yu et al. 2017, equation 13). A value below the oracle's
    entropy is no merit: the policy writes likely texts only."""
    task = measured.task
    if not isinstance(task, HasLanguageModel):
        raise NotApplicable("the task has no oracle")
    return float(-task.log_prob(measured.texts.tokens, measured.texts.lengths).sum() / measured.texts.lengths.sum())


def nll_test(measured: Measured) -> float:
    """-log p of test data under the policy, nats a token."""
    texts = test_data(measured.task, measured.test_texts)
    if texts is None:
        raise NotApplicable("the task has no test data")
    try:
        return float(-measured.contestant.log_prob(texts, measured.task).sum() / texts.lengths.sum())
    except NoLikelihood as error:
        raise NotApplicable(str(error)) from None


def distinct_2(measured: Measured) -> float:
    """Distinct bigrams of the policy's texts, over all their bigrams; in [0, 1]. It falls as texts are added, so that
    only values of equally many texts compare."""
    texts = measured.texts
    lengths = measured.task.vocabulary.content_lengths(texts.tokens, texts.lengths)
    return distinct_n(texts.tokens, lengths, 2)


MEASURES: Mapping[str, Callable[[Measured], float]] = {
    "nll_oracle": nll_oracle,
    "nll_test": nll_test,
    "distinct_2": distinct_2,
}


def test_data(task: Task, count: int) -> Texts | None:
    """The first `count` texts of the task's test data; None if it has none."""
    try:
        texts = task.test_sequences()
    except ValueError:
        return None
    sources = None if texts.sources is None else texts.sources[:count]
    return Texts(texts.tokens[:count], texts.lengths[:count], sources)


def references(envs: Any, count: int) -> dict[str, Reference]:
    """Returns of texts that no agent wrote: of the test data, of the oracle's greedy sequence, of the best text."""
    core, task = envs.unwrapped, envs.unwrapped.task
    levels: dict[str, Reference] = {}
    texts = test_data(task, count)
    if texts is not None:
        title = "oracle's own texts" if isinstance(task, HasLanguageModel) else "test data"
        levels["data"] = Reference(title, float(core.score(*texts).mean()))
    greedy = getattr(task, "greedy_sequence", None)
    if greedy is not None:
        levels["greedy"] = Reference("greedy oracle sequence", float(core.score(greedy()[None])[0]))
    every = getattr(task, "all_texts", None)
    if every is not None:
        levels["optimum"] = Reference("best text", float(core.score(*every()).max()))
    return levels


def oracle_entropy(task: Task) -> float | None:
    """Of a task with an oracle, nats a token: what nll_oracle and nll_test are for a perfect imitation."""
    entropy = getattr(task, "entropy", None)
    return None if entropy is None else float(entropy)
