"""Measurement of exposure bias: real prefixes and the agent's own, gone on with, and scored.

Exposure bias is what Bengio, Vinyals, Jaitly and Shazeer, "Scheduled Sampling for Sequence Prediction with Recurrent
Neural Networks" (2015), and Ranzato, Chopra, Auli and Zaremba, "Sequence Level Training with Recurrent Neural Networks"
(2016), hold against maximum likelihood: it learns after real prefixes, and writes after its own. The measure is that
of He, Zhang, Zhou and Glass, "Exposure Bias versus Self-Recovery: Are Distortions Really Incremental for Autoregressive
Text Generation?" (2021): the same agent goes on from both, and the difference is the prefix's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.decoding.forcing import along, continued
from agents.decoding.next_tokens import NextTokens
from benchmarks.exposure.gap import FloatArray, Gap, gap_at
from textgen_env import Task, Texts
from textgen_env.metrics import BleuScorer
from textgen_env.models.torch_settings import usual_torch
from textgen_env.rewards.likelihood import HasLanguageModel
from textgen_env.vocabulary import IntArray

# Texts that are written together, and probabilities of them.
TEXTS_AT_ONCE = 512
CHANCES_AT_ONCE = 2**22
BLEU_ORDER = 2
# Share of the texts that must go on beyond a prefix's length: of fewer, which are the long ones, little is known.
FEWEST = 0.05


@dataclass(frozen=True)
class Score:
    """Score of continuations.

    Attributes:
        name: in files.
        title: in tables.
        unit: in words.
        higher_is_better: of two values.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool = False


NLL = Score("nll_oracle", "NLL_oracle of the continuation", "nats a token")
KL = Score("kl_reverse", "KL(agent‖oracle) of the continuation", "nats a token")
TV = Score("tv_next", "total variation of the next token", "share in [0, 1]")
BLEU = Score("bleu", f"BLEU-{BLEU_ORDER} of the continuation", "share in [0, 1]", higher_is_better=True)


class Against(NamedTuple):
    """An agent against the oracle, at each position t of texts given to both, exact sums over the V tokens; (N, T).

    Attributes:
        cross_entropy: -sum_v pi(v) log p(v), nats: the NLL_oracle that is expected of token t.
        entropy: -sum_v pi(v) log pi(v), nats.
        total_variation: 1/2 sum_v |pi(v) - p(v)|.
    """

    cross_entropy: FloatArray
    entropy: FloatArray
    total_variation: FloatArray


@usual_torch()
@torch.inference_mode()
def against_oracle(next_tokens: NextTokens, task: HasLanguageModel, tokens: Tensor) -> Against:
    """The agent's distributions of the next token and the oracle's, along texts (N, T) of full length."""
    model = task.language_model
    found = torch.zeros(3, *tokens.shape, dtype=torch.float64)
    state = model.initial_state(len(tokens))
    inputs = model.start(len(tokens))
    for t, rows, log_pi in along(next_tokens, tokens):
        if len(rows) < len(tokens):
            raise ValueError(f"tokens: a text ends at position {t}; an oracle's texts have full length")
        logits, state = model.step(inputs.to(model.start(1).device), state)
        log_p = logits.double().log_softmax(-1).to(log_pi.device)
        pi = log_pi.exp()
        # What the agent never writes costs nothing: 0 log 0 = 0.
        found[0, :, t] = -torch.where(pi > 0, pi * log_p, 0.0).sum(1)
        found[1, :, t] = torch.special.entr(pi).sum(1)
        found[2, :, t] = (pi - log_p.exp()).abs().sum(1) / 2
        inputs = tokens[:, t]
    return Against(*found.cpu().numpy())


Scorer = Callable[[Tensor, int], FloatArray]
"""Of texts (N, T) whose first k tokens are the prefix: (N,)."""


def prefix_lengths(horizon: int, most: int, shortest_rest: int = 1) -> tuple[int, ...]:
    """At most `most` lengths k of prefixes of texts of T = `horizon` tokens, evenly spaced from 0 to
    T - `shortest_rest`."""
    last = max(0, horizon - shortest_rest)
    return tuple(dict.fromkeys(np.linspace(0, last, max(2, min(most, last + 1))).round().astype(int).tolist()))


def measured_gaps(
    next_tokens: NextTokens, task: Task, real: Texts, references: Texts, most_lengths: int, seed: int
) -> dict[Score, list[Gap]]:
    """The gaps of one agent by every score that the task has, at each length of the prefix.

    With an oracle the continuation's cross entropy and divergence are the means over its tokens of the exact values
    given the text before each, and `tv_next` is that of the first token after the prefix, exact given the prefix:
    chance is in the prefixes and the paths alone. Without one, a continuation, its end token included, is held against
    the parts of `references` that follow as many tokens; those of its own source where there is one.

    Args:
        next_tokens: the agent in the game.
        task: of the game.
        real: N texts whose beginnings are the real prefixes.
        references: of the task, none of them among `real`, unless each answers to a source.
        most_lengths: how many lengths are measured.
        seed: of what is drawn.

    Raises:
        ValueError: too few texts that are long enough.
    """
    oracle = isinstance(task, HasLanguageModel)
    lengths = prefix_lengths(task.max_length, most_lengths, 1 if oracle else BLEU_ORDER)
    scores = (NLL, KL, TV) if oracle else (BLEU,)
    table = task.sources
    sources = None if table is None or real.sources is None else table.tokens[real.sources]
    given = torch.from_numpy(real.tokens).to(next_tokens.device)
    generator = torch.Generator().manual_seed(seed)
    uniforms = torch.rand(given.shape, generator=generator, dtype=torch.float64).to(given.device)
    own = _continued(next_tokens, given, 0, uniforms, sources)
    own_lengths = _lengths(own, next_tokens.vocab_size)
    own_scores = _all_scores(next_tokens, task, own) if isinstance(task, HasLanguageModel) else None
    found: dict[Score, list[Gap]] = {score: [] for score in scores}
    for k in lengths:
        going = np.flatnonzero((real.lengths > k) & (own_lengths > k))
        if len(going) < max(2, FEWEST * len(given)) or not (oracle or (references.lengths > k).any()):
            break
        rows = torch.from_numpy(going).to(given.device)
        picked = None if sources is None else sources[going]
        texts = _continued(next_tokens, given[rows], k, uniforms[rows], picked)
        if isinstance(task, HasLanguageModel) and own_scores is not None:
            after_real = _scores_from(_all_scores(next_tokens, task, texts), k)
            after_own = _scores_from(own_scores, k)
        else:
            groups = None if real.sources is None else real.sources[going]
            score = _bleu(references, k, next_tokens.vocab_size)
            after_real, after_own = {BLEU: score(texts, groups)}, {BLEU: score(own[rows], groups)}
        for each in scores:
            found[each].append(gap_at(k, after_real[each], after_own[each], each.higher_is_better))
    if not any(gap.length for gaps in found.values() for gap in gaps):
        raise ValueError("no two texts are long enough to be gone on with")
    return found


def prefixes_and_references(texts: Texts, count: int, apart: bool, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """Of a task's texts those whose prefixes are taken, at most `count` and drawn anew, and those that continuations
    are compared with.

    Args:
        texts: N of them.
        count: of prefixes, at most.
        apart: take the prefixes from the first half and the references from the other, so that no text is compared with
            itself; else both are taken from all.
        rng: draws which prefixes are taken.

    Raises:
        ValueError: fewer than four texts.
    """
    if len(texts.tokens) < 4:
        raise ValueError(f"the task has {len(texts.tokens)} texts; at least 4 are needed")
    half = len(texts.tokens) // 2 if apart else len(texts.tokens)
    chosen = rng.permutation(half)[:count]
    return _rows(texts, chosen), _rows(texts, np.arange(half, len(texts.tokens))) if apart else texts


def _rows(texts: Texts, rows: IntArray) -> Texts:
    return Texts(texts.tokens[rows], texts.lengths[rows], None if texts.sources is None else texts.sources[rows])


def _at_once(next_tokens: NextTokens, count: int) -> Sequence[slice]:
    size = max(1, min(TEXTS_AT_ONCE, CHANCES_AT_ONCE // next_tokens.vocab_size))
    return [slice(begun, begun + size) for begun in range(0, count, size)]


@usual_torch()
@torch.inference_mode()
def _continued(
    next_tokens: NextTokens, prefixes: Tensor, length: int, uniforms: Tensor, sources: IntArray | None
) -> Tensor:
    parts = [
        continued(next_tokens, prefixes[some], length, uniforms[some], None if sources is None else sources[some])
        for some in _at_once(next_tokens, len(prefixes))
    ]
    return torch.cat(parts)


def _lengths(tokens: Tensor, blank: int) -> IntArray:
    lengths: IntArray = (tokens != blank).sum(1).cpu().numpy()
    return lengths


def _all_scores(next_tokens: NextTokens, task: HasLanguageModel, tokens: Tensor) -> Against:
    parts = [against_oracle(next_tokens, task, tokens[some]) for some in _at_once(next_tokens, len(tokens))]
    return Against(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _scores_from(against: Against, k: int) -> dict[Score, FloatArray]:
    nll, entropy = against.cross_entropy[:, k:].mean(1), against.entropy[:, k:].mean(1)
    return {NLL: nll, KL: nll - entropy, TV: against.total_variation[:, k]}


def _bleu(references: Texts, k: int, blank: int) -> Callable[[Tensor, IntArray | None], FloatArray]:
    long_enough = references.lengths > k
    kept = np.flatnonzero(long_enough)
    groups = None if references.sources is None else references.sources[kept]
    scorer = BleuScorer.of_texts(
        references.tokens[kept, k:], references.lengths[kept] - k, BLEU_ORDER, effective_order=True, groups=groups
    )

    def score(texts: Tensor, rows: IntArray | None) -> FloatArray:
        rest = np.ascontiguousarray(texts[:, k:].cpu().numpy())
        return np.asarray(scorer.score(rest, (rest != blank).sum(1), rows))

    return score
