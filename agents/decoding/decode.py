"""Decoding: texts out of an agent, one function for all ways."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike

from agents.decoding.beam import Found, beam_search
from agents.decoding.drawing import drawn, written_greedily
from agents.decoding.next_tokens import NextTokens
from agents.protocol import FloatArray, IntArray
from textgen_env import TextGame, Texts, text_game
from textgen_env.checks import check_at_least, check_choice, check_number, check_room
from textgen_env.models.torch_settings import usual_torch
from textgen_env.text_checks import checked_source_rows

Method = Literal["greedy", "beam", "sample"]
METHODS: tuple[Method, ...] = get_args(Method)
# Texts that are written together, and logits of them.
TEXTS_AT_ONCE = 512
LOGITS_AT_ONCE = 2**22


class Decoded(NamedTuple):
    """Texts that an agent wrote.

    Attributes:
        texts: M of them; `sources` are rows of the task's source table.
        log_probs: (M,) float64, log p of each under the agent, the game's masks applied, in nats; whatever the
            temperature and what was cut off.
        scores: (M,) float64, what beam search ranked them by: log_probs over the length penalty; else `log_probs`.
        searches: (M,) int64, to which of the n that were asked for each belongs.
    """

    texts: Texts
    log_probs: FloatArray
    scores: FloatArray
    searches: IntArray


@usual_torch()
@torch.inference_mode()
def decode(
    agent: Any,
    envs: Any,
    n: int,
    method: Method = "greedy",
    *,
    sources: ArrayLike | None = None,
    width: int = 8,
    length_penalty: float = 0.0,
    k_best: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    generator: torch.Generator | None = None,
) -> Decoded:
    """Texts that an agent writes in a game, under the game's masks; nothing is learned, and no generator of the agent
    or the game is drawn from.

    Args:
        agent: with a policy network, or one that says how likely its next tokens are: `NextTokens`.
        envs: an environment of the game, single or vectorised; only its task and its masks are taken from it.
        n: how many texts, or searches of a beam.
        method: "greedy", the likeliest token each time; "beam", see `beam_search`; "sample", see `adjusted`.
        sources: of a conditional task, rows (n,) of its source table, or one row for all.
        width: of the beam.
        length_penalty: of the beam, alpha of Wu et al. (2016), >= 0; 0: none, larger prefers longer texts.
        k_best: texts of each search, at most `width`; a search has fewer where the game has fewer.
        temperature: of samples, > 0.
        top_k: of samples: the likeliest tokens that are drawn from; None: all.
        top_p: of samples, in (0, 1]: the probability of the nucleus; 1: all.
        generator: of samples; T float64 numbers are drawn for each text, one text after another.

    Returns:
        texts with their log-probabilities, those of one search together, the best first.

    Raises:
        TypeError: an agent without probabilities; envs that write no texts; arguments of another type.
        ValueError: an agent of other texts; an argument that is out of range, missing, or not of this method.
        FloatingPointError: an agent whose probabilities are not finite.
    """
    game = text_game(envs)
    check_at_least("n", n)
    _check_settings(method, width, length_penalty, k_best, temperature, top_k, top_p, generator)
    next_tokens = NextTokens(agent, game)
    rows = _checked_rows(game, sources, n)
    horizon = next_tokens.horizon
    each = width if method == "beam" else 1
    check_room(f"n={n}, width={width}, max_length={horizon}", n if each == 1 else max(n * k_best, width), horizon)
    uniforms = None
    if generator is not None and method == "sample":
        uniforms = torch.rand(n, horizon, generator=generator, device=generator.device, dtype=torch.float64)
        uniforms = uniforms.to(next_tokens.device)
    size = max(1, min(TEXTS_AT_ONCE, LOGITS_AT_ONCE // next_tokens.vocab_size) // each)
    parts: list[Found] = []
    for begun in range(0, n, size):
        count = min(size, n - begun)
        some = slice(begun, begun + count)
        given = None if rows is None or game.task.sources is None else game.task.sources.tokens[rows[some]]
        if method == "beam":
            found = beam_search(next_tokens, count, given, width, length_penalty, k_best)
            parts.append(found._replace(searches=found.searches + begun))
            continue
        if uniforms is None:
            tokens, log_probs = written_greedily(next_tokens, count, given)
        else:
            tokens, log_probs = drawn(next_tokens, uniforms[some], given, temperature, top_k, top_p)
        searches = torch.arange(begun, begun + count, device=tokens.device)
        parts.append(Found(tokens, log_probs, log_probs, searches))
    written, log_p, scores, which = (torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True))
    lengths = (written != next_tokens.vocab_size).sum(1)
    return Decoded(Texts(written, lengths, None if rows is None else rows[which]), log_p, scores, which)


def _checked_rows(game: TextGame, sources: ArrayLike | None, n: int) -> IntArray | None:
    if game.task.sources is None and sources is None:
        return None
    if game.task.sources is not None and sources is None:
        raise ValueError(
            f"sources=None: the texts answer to a source; give rows ({n},) of the source table, 0 to "
            f"{len(game.task.sources.tokens) - 1}"
        )
    return checked_source_rows(np.asarray(sources), n, game.task, "sources")


def _check_settings(
    method: Method,
    width: int,
    length_penalty: float,
    k_best: int,
    temperature: float,
    top_k: int | None,
    top_p: float,
    generator: torch.Generator | None,
) -> None:
    check_choice("method", method, METHODS)
    check_at_least("width", width)
    check_number("length_penalty", length_penalty)
    check_at_least("k_best", k_best, most=width if method == "beam" else None)
    check_number("temperature", temperature, above=0)
    if top_k is not None:
        check_at_least("top_k", top_k)
    check_number("top_p", top_p, above=0, most=1)
    of_beams = {"length_penalty": length_penalty != 0, "k_best": k_best != 1}
    of_samples = {"temperature": temperature != 1, "top_k": top_k is not None, "top_p": top_p != 1}
    for owner, settings in (("beam", of_beams), ("sample", of_samples)):
        given = [name for name, differs in settings.items() if differs]
        if given and method != owner:
            raise ValueError(f"{given[0]} is of method={owner!r}, not of method={method!r}; leave it out")
    if generator is None and method == "sample":
        raise ValueError("generator=None: samples are drawn; give one, such as torch.Generator().manual_seed(0)")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator={generator!r} must be a torch.Generator, got {type(generator).__name__}")
