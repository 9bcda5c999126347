"""What `info` says, as one dict for one row and as Gymnasium's dict of arrays for N rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.core import GenerationCore
from textgen_env.transition import Finished
from textgen_env.vocabulary import IntArray, LazyText, Vocabulary


def start_infos(core: GenerationCore, rows: IntArray) -> dict[str, IntArray]:
    """The infos of `rows` (K,) at a text's begin: key -> (K,); the source's row for a conditional task."""
    return {} if core.source_indices is None else {"source": core.source_indices[rows]}


def end_info(finished: Finished, which: int, vocabulary: Vocabulary) -> dict[str, Any]:
    """The info of the `which`-th text that ended."""
    info: dict[str, Any] = {
        "text": LazyText(finished.tokens[which], vocabulary),
        "tokens": finished.tokens[which].copy(),
        "length": int(finished.lengths[which]),
        "stop": "eos" if finished.by_eos[which] else "length",
        "reward_terms": {name: float(values[which]) for name, values in finished.terms.items()},
    }
    if finished.sources is not None:
        info["source"] = int(finished.sources[which])
    return info


def end_infos(finished: Finished, vocabulary: Vocabulary, num_rows: int) -> dict[str, Any]:
    """The infos of all texts that ended, as Gymnasium's vector environments give them: key -> (N, ...) with a
    mask `_key` (N,) of the rows that have it."""
    rows = finished.rows
    texts = np.full(num_rows, None, dtype=object)
    for row, tokens in zip(rows.tolist(), finished.tokens, strict=True):
        texts[row] = LazyText(tokens, vocabulary)
    stops = np.full(num_rows, None, dtype=object)
    stops[rows] = np.where(finished.by_eos, "eos", "length").astype(object)
    terms: dict[str, Any] = {}
    for name, values in finished.terms.items():
        terms |= masked(name, column(values, rows, num_rows), rows, num_rows)
    infos = masked("text", texts, rows, num_rows)
    infos |= masked("tokens", column(finished.tokens, rows, num_rows), rows, num_rows)
    infos |= masked("length", column(finished.lengths, rows, num_rows), rows, num_rows)
    infos |= masked("stop", stops, rows, num_rows)
    infos |= masked("reward_terms", terms, rows, num_rows)
    if finished.sources is not None:
        infos |= masked("source", column(finished.sources, rows, num_rows), rows, num_rows)
    return infos


def column(values: NDArray[Any], rows: IntArray, num_rows: int) -> NDArray[Any]:
    """`values` (K, ...) of `rows` (K,) as (N, ...), 0 in the other rows."""
    spread = np.zeros((num_rows, *values.shape[1:]), values.dtype)
    spread[rows] = values
    return spread


def masked(key: str, value: Any, rows: IntArray, num_rows: int) -> dict[str, Any]:
    """`value` under its key, and under `_key` which of the N rows have it."""
    mask = np.zeros(num_rows, np.bool_)
    mask[rows] = True
    return {key: value, f"_{key}": mask}
