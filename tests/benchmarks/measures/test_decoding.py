"""Measures of decoded texts: what `decode` writes, scored by the rewards and metrics of the same names."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.decoding.decode import decode
from agents.imitation.mle import MLE, MLEConfig
from benchmarks.measures.measured import BEAM_WIDTH, DECODINGS, Measured, NoLikelihood, NotApplicable
from benchmarks.measures.measures import MEASURES, unit
from benchmarks.policies.agent import AgentAdapter
from benchmarks.specs.experiment import Algorithm, Experiment, runs_of
from textgen_env import Texts
from textgen_env.metrics import BleuScorer, word_error_rate

NUMBERS = {"max_number": 99, "reward": {"name": "error_rate", "output": "negative"}}
SMALL = {"embedding_size": 8, "hidden_size": 16, "learning_rate": 0.02}


def adapter_of(env_id: str, kwargs: dict[str, Any], tokens: int) -> AgentAdapter:
    algorithm = Algorithm("MLE", "mle", tokens, hyperparameters=SMALL, num_envs=4)
    (run,) = runs_of(Experiment("x", "d", env_id, (algorithm,), kwargs, (0,)))
    adapter = AgentAdapter(run)
    adapter.train(tokens, lambda progress: True)
    return adapter


@pytest.fixture(scope="module")
def numbers() -> Measured:
    """Of an agent that has learned some of the numbers up to 99; none of them is written in the evaluation."""
    adapter = adapter_of("TextGen-NumberWords-v0", NUMBERS, 3_000)
    task = adapter.envs.unwrapped.task
    nothing = Texts(np.zeros((0, task.max_length), np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Measured(adapter, nothing, task, task.test_sequences(), adapter.envs)


def sentence_bleu(text: list[int], reference: list[int]) -> float:
    """sacrebleu's, with its defaults."""
    scorer = BleuScorer([reference], smooth_method="exp", effective_order=True)
    return float(scorer.score(np.array([text], np.int64).reshape(1, -1), np.array([len(text)]))[0])


@pytest.mark.parametrize("method", DECODINGS)
def test_decoded_texts_are_scored_against_the_references_of_held_out_sources(numbers: Measured, method: Any) -> None:
    held_out, task = numbers.data, numbers.task
    options = {"beam": {"width": BEAM_WIDTH}, "sample": {"generator": torch.Generator().manual_seed(0)}}
    agent = numbers.policy.agent  # type: ignore[attr-defined]
    texts = decode(agent, numbers.envs, 10, method, sources=held_out.sources, **options.get(method, {})).texts
    written = texts.tokens, task.vocabulary.content_lengths(texts.tokens, texts.lengths)
    given = held_out.tokens, held_out.lengths - 1
    rates = word_error_rate(*written, *given)
    pairs = [(text[:n].tolist(), ref[:m].tolist()) for text, n, ref, m in zip(*written, *given, strict=True)]
    scores = [sentence_bleu(text, reference) for text, reference in pairs]
    same = [text == reference for text, reference in pairs]
    for name, values in {"wer": rates, "return": -rates, "bleu": scores, "exact": same}.items():
        found = MEASURES[f"{method}_{name}"](numbers)
        assert found.value == pytest.approx(np.mean(values)), name
        assert found.error == pytest.approx(np.std(values, ddof=1) / np.sqrt(10)), name
    assert 0 < rates.mean() < 1.2, "nothing was learned, or all"


def test_each_decoding_is_made_once(numbers: Measured) -> None:
    assert numbers.decoded("beam") is numbers.decoded("beam")
    assert np.array_equal(numbers.decoded("beam").sources, numbers.data.sources)


def test_without_sources_a_search_finds_one_text_and_samples_are_the_policys_own() -> None:
    adapter = adapter_of("TextGen-OracleSmall-v0", {"vocab_size": 8, "max_length": 3, "train_size": 40}, 500)
    task = adapter.envs.unwrapped.task
    own = task.test_sequences()
    subject = Measured(adapter, own, task, own, adapter.envs)
    for method, texts in (("greedy", decode(adapter.agent, adapter.envs, 1).texts), ("sample", own)):
        found = MEASURES[f"{method}_return"](subject)
        assert found.value == pytest.approx(adapter.envs.unwrapped.score(*texts).mean())
        assert np.isnan(found.error) == (method == "greedy")
    assert MEASURES["beam_return"](subject).value >= MEASURES["greedy_return"](subject).value - 1e-9
    for name in ("greedy_bleu", "beam_wer", "sample_exact"):
        with pytest.raises(NotApplicable, match="texts without a source have no references of their own"):
            MEASURES[name](subject)


def test_what_cannot_be_decoded_says_why() -> None:
    class Shy:
        def decoded(self, *asked: Any) -> Texts:
            raise NoLikelihood("it is shy")

    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    task = envs.unwrapped.task
    with pytest.raises(NotApplicable, match="it is shy"):
        MEASURES["greedy_return"](Measured(Shy(), task.all_texts(), task, None, envs))  # type: ignore[arg-type]
    with pytest.raises(NotApplicable, match="the game is not known"):
        MEASURES["greedy_return"](Measured(MLE(envs, MLEConfig(**SMALL)), task.all_texts(), task, None))  # type: ignore[arg-type]


def test_the_unit_of_a_decoded_return_is_the_rewards() -> None:
    assert (unit("greedy_return", "BLEU"), unit("greedy_return"), unit("beam_bleu", "nats")) == (
        "BLEU",
        "the reward's unit",
        "share in [0, 1]",
    )
