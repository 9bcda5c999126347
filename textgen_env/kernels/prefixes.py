"""BLEU of growing prefixes, one token at a time.

Of each prefix is kept: the slots of the n-grams of orders 1 .. K - 1 that end it (-1 where the table has them not),
the clipped matches of each order, and `counters`, how often each n-gram of the references has occurred in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textgen_env.kernels.ngrams import bleu, closest_length, compiled, counter_of, find, home_slot


@compiled
def append(
    token: int,
    group: int,
    slots: Any,
    matches: Any,
    counters: Any,
    additions: Any,
    words: Any,
    shift: int,
    token_bits: int,
    count_bits: int,
    num_groups: int,
) -> None:
    """Moves `slots` (K - 1,) and `matches` (K,) one token on; writes the entries that `counters` is to take over, or
    0, to `additions` (K,)."""
    count_mask = (1 << count_bits) - 1
    # The longest first: each order needs the slot that the shorter one had before this token.
    for order in range(matches.size - 1, -1, -1):
        additions[order] = 0
        slot = -1
        if token >> token_bits == 0 and (order == 0 or slots[order - 1] >= 0):
            parent = group if order == 0 else num_groups + slots[order - 1]
            key = parent << token_bits | token
            home = home_slot(key, shift)
            slot = find(words, count_bits, key, home, words[home])
        if slot >= 0:
            occurrences = counters[counter_of(counters, counters.size - 1, count_bits, slot)] & count_mask
            if occurrences < words[slot] & count_mask:
                additions[order] = slot << count_bits | (occurrences + 1)
                matches[order] += 1
        if order < slots.size:
            slots[order] = slot


@compiled
def put(counters: Any, additions: Any, count_bits: int) -> None:
    """Takes the entries of one prefix over into its counters."""
    for entry in additions:
        if entry != 0:
            counters[counter_of(counters, counters.size - 1, count_bits, entry >> count_bits)] = entry


@compiled
def put_rows(counters: Any, rows: Any, additions: Any, count_bits: int) -> None:
    """Takes entries (M, K) over into `rows` (M,) of the counters (N, C)."""
    for i in range(rows.size):
        put(counters[rows[i]], additions[i], count_bits)


@compiled
def begin(
    totals: Any,
    slots: Any,
    matches: Any,
    counters: Any,
    tokens: Any,
    lengths: Any,
    groups: Any,
    words: Any,
    shift: int,
    token_bits: int,
    count_bits: int,
    num_groups: int,
    length_keys: Any,
    length_base: int,
    length_starts: Any,
    method: int,
    value: float,
    effective_order: bool,
) -> None:
    """Writes the state of the prefixes (N, T), (N,) in groups (N,) numbered from 0, or -1 for an empty prefix;
    `counters` (N, C) come empty."""
    additions = np.empty(matches.shape[1], np.int64)
    for row in range(lengths.size):
        slots[row] = -1
        matches[row] = 0
        group, length = groups[row], lengths[row]
        for i in range(length):
            append(
                tokens[row, i],
                group,
                slots[row],
                matches[row],
                counters[row],
                additions,
                words,
                shift,
                token_bits,
                count_bits,
                num_groups,
            )
            put(counters[row], additions, count_bits)
        totals[row] = 0.0
        if length == 0:
            continue
        reference_length = closest_length(length_keys, length_base, length_starts, group, length)
        totals[row] = bleu(matches[row], length, reference_length, method, value, effective_order)


@compiled
def extend(
    totals: Any,
    slots: Any,
    matches: Any,
    additions: Any,
    counters: Any,
    rows: Any,
    last: Any,
    lengths: Any,
    groups: Any,
    words: Any,
    shift: int,
    token_bits: int,
    count_bits: int,
    num_groups: int,
    length_keys: Any,
    length_base: int,
    length_starts: Any,
    method: int,
    value: float,
    effective_order: bool,
) -> bool:
    """Moves the state of M prefixes one token, `last` (M,), on; < 0 stands for the end token, which changes nothing.
    Their counters, `rows` (M,) of (N, C), are read alone. False where a group is none."""
    for i in range(rows.size):
        if groups[i] < 0:
            return False
        if last[i] < 0:
            additions[i] = 0
            continue
        append(
            last[i],
            groups[i],
            slots[i],
            matches[i],
            counters[rows[i]],
            additions[i],
            words,
            shift,
            token_bits,
            count_bits,
            num_groups,
        )
        reference_length = closest_length(length_keys, length_base, length_starts, groups[i], lengths[i])
        totals[i] = bleu(matches[i], lengths[i], reference_length, method, value, effective_order)
    return True
