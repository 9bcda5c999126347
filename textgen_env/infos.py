"""Infos of steps, and of texts that end: a dict for one row, Gymnasium's dict of arrays for N rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textgen_env.columns import TextColumn, VectorInfos, column
from textgen_env.core import GenerationCore
from textgen_env.transition import STOPS, Finished, FinishedText
from textgen_env.vocabulary import IntArray, Vocabulary

_STOPS = np.array(STOPS, dtype=object)


def step_infos(core: GenerationCore, rows: IntArray) -> dict[str, IntArray]:
    """Entries that the infos of `rows` (K,) hold at a text's begin and in each of its steps: key -> (K,); the
    source's row for a conditional task."""
    return {} if core.source_indices is None else {"source_row": core.source_indices[rows]}


def step_info(core: GenerationCore, row: int) -> dict[str, int]:
    """`step_infos` of one row."""
    return {} if core.source_indices is None else {"source_row": core.source_indices.item(row)}


def end_info(finished: FinishedText, vocabulary: Vocabulary) -> dict[str, Any]:
    """The info of a text that ended; it holds the text's own array."""
    info: dict[str, Any] = {
        "text": vocabulary.text_of(finished.tokens.tolist()),
        "tokens": finished.tokens,
        "length": finished.length,
        "stop": STOPS[finished.stop],
        "reward_terms": finished.terms,
    }
    if finished.source is not None:
        info["source_row"] = finished.source
    return info


def end_infos(finished: Finished, vocabulary: Vocabulary, num_rows: int) -> VectorInfos:
    """The infos of all texts that ended, as Gymnasium's vector environments give them: key -> (N, ...) with a
    mask `_key` (N,) of the rows that have it."""
    columns: dict[str, Any] = {
        "text": TextColumn(finished.tokens, vocabulary),
        "tokens": finished.tokens,
        "length": finished.lengths,
        "stop": _STOPS.take(finished.stops),
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
        infos[key] = spread(values, rows, num_rows) if type(values) is dict else column(values, rows, num_rows)
        infos["_" + key] = has.copy()
    return infos
