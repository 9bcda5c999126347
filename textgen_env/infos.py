"""Infos of texts that begin or end: a dict for one row, Gymnasium's dict of arrays for N rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textgen_env.columns import TextColumn, VectorInfos, column
from textgen_env.core import GenerationCore
from textgen_env.transition import Finished
from textgen_env.vocabulary import IntArray, Vocabulary

STOPS = np.array(["length", "eos"], dtype=object)
"""Reasons that a text ended, by whether it was the end token."""


def start_infos(core: GenerationCore, rows: IntArray) -> dict[str, IntArray]:
    """The infos of `rows` (K,) at a text's begin: key -> (K,); the source's row for a conditional task."""
    return {} if core.source_indices is None else {"source_row": core.source_indices[rows]}


def end_info(finished: Finished, which: int, vocabulary: Vocabulary) -> dict[str, Any]:
    """The info of the `which`-th text that ended."""
    info: dict[str, Any] = {
        "text": vocabulary.text_of(finished.tokens[which].tolist()),
        "tokens": finished.tokens[which].copy(),
        "length": int(finished.lengths[which]),
        "stop": STOPS[int(finished.by_eos[which])],
        "reward_terms": {name: float(values[which]) for name, values in finished.terms.items()},
    }
    if finished.sources is not None:
        info["source_row"] = int(finished.sources[which])
    return info


def end_infos(finished: Finished, vocabulary: Vocabulary, num_rows: int) -> VectorInfos:
    """The infos of all texts that ended, as Gymnasium's vector environments give them: key -> (N, ...) with a
    mask `_key` (N,) of the rows that have it."""
    columns: dict[str, Any] = {
        "text": TextColumn(finished.tokens, vocabulary),
        "tokens": finished.tokens,
        "length": finished.lengths,
        "stop": STOPS.take(finished.by_eos),
        "reward_terms": finished.terms,
    }
    if finished.sources is not None:
        columns["source_row"] = finished.sources
    return VectorInfos(spread(columns, finished.rows, num_rows))


def spread(columns: Mapping[str, Any], rows: IntArray, num_rows: int) -> dict[str, Any]:
    """Columns (K, ...) of `rows` (K,), which ascend, or dicts of such: each as (N, ...) under its key, 0 or None in the
    other rows, and under `_key` which rows have it."""
    has = np.zeros(num_rows, np.bool_)
    has[rows] = True
    infos: dict[str, Any] = {}
    for key, values in columns.items():
        infos[key] = spread(values, rows, num_rows) if isinstance(values, Mapping) else column(values, rows, num_rows)
        infos[f"_{key}"] = has.copy()
    return infos
