"""Measures of decoded texts: of held-out sources, written greedily, drawn, or found by beam search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from benchmarks.measures.corpora import CORPUS
from benchmarks.measures.measured import Decoding, FloatArray, Measured, NotApplicable
from textgen_env import Sources
from textgen_env.metrics import Estimate, monte_carlo_mean
from textgen_env.rewards.base import BaseReward
from textgen_env.rewards.bleu import BleuReward
from textgen_env.rewards.error_rate import ErrorRateReward
from textgen_env.rewards.exact_match import ExactMatchReward


def decoded_return(measured: Measured, method: Decoding) -> Estimate:
    """Mean return of the decoded texts, in the reward's unit; without a standard error where it is a single text."""
    texts = measured.decoded(method)
    return _mean(np.asarray(measured.envs.unwrapped.score(*texts), np.float64))


def decoded_bleu(measured: Measured, method: Decoding) -> Estimate:
    """Mean sentence BLEU of the decoded texts against the references of their sources, in [0, 1], sacrebleu's."""
    return _mean(_scores(measured, method, BleuReward()))


def decoded_wer(measured: Measured, method: Decoding) -> Estimate:
    """Mean over the decoded texts of each one's word error rate: edits for each word of the nearest reference."""
    return _mean(-_scores(measured, method, ErrorRateReward(output="negative")))


def decoded_exact(measured: Measured, method: Decoding) -> Estimate:
    """Share of the decoded texts that are a reference of their source, token for token."""
    return _mean(_scores(measured, method, ExactMatchReward()))


def _scores(measured: Measured, method: Decoding, reward: BaseReward) -> FloatArray:
    """Scores (N,) of the decoded texts by the reward, whatever the game's own pays."""
    task = measured.task
    if task.sources is None:
        raise NotApplicable("texts without a source have no references of their own")
    texts = measured.decoded(method)
    assert texts.sources is not None
    sources = Sources(texts.sources, task.sources.tokens[texts.sources])
    return np.asarray(reward.bind(task).score(texts.tokens, texts.lengths, sources), np.float64)


def _mean(values: FloatArray) -> Estimate:
    return monte_carlo_mean(values) if len(values) > 1 else Estimate(float(values[0]), float("nan"), 1)


DECODED: tuple[tuple[str, str, str, Literal["lower", "higher"], Callable[..., Estimate]], ...] = (
    ("return", "return", "the reward's unit", "higher", decoded_return),
    ("bleu", "BLEU", "share in [0, 1]", "higher", decoded_bleu),
    ("wer", "WER", "errors a word", "lower", decoded_wer),
    ("exact", "exact match", "share in [0, 1]", "higher", decoded_exact),
    *CORPUS,
)
"""Of each way to decode: name, title, unit, the better direction, function."""
