"""Loops over the n-grams of texts and the slots of an `NgramTable`; and BLEU, one text at a time.

A table comes as `words`, `shift`, `token_bits`, `count_bits` and `num_groups` (see `textgen_env.metrics.ngrams`).
A text's own n-grams are counted in `counters`, a small table of the same kind that stays in the nearest cache: an
entry is `slot << count_bits | occurrences so far`, 0 where it is empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textgen_env.kernels import hashing
from textgen_env.kernels.compiling import kernel

compiled = kernel(error_model="numpy")
home_slot = compiled(hashing.home_slot)

NO_SMOOTHING, FLOOR, ADD_K, EXP = range(4)


@compiled
def find(words: Any, count_bits: int, key: int, slot: int, word: int) -> int:
    """The slot of the n-gram `key`, looked for from `slot`, which holds `word`; -1 where the table has it not."""
    # Bounded, for a table from a file that leaves no slot empty.
    for _ in range(words.size):
        if word == 0:
            return -1
        if word >> count_bits == key:
            return slot
        slot = (slot + 1) & (words.size - 1)
        word = words[slot]
    return -1


@compiled
def counter_of(counters: Any, mask: int, count_bits: int, slot: int) -> int:
    """Where `counters`, `mask + 1` of which are in use, hold the n-gram of `slot`, or would."""
    at = slot & mask
    while counters[at] != 0 and counters[at] >> count_bits != slot:
        at = (at + 1) & mask
    return at


@compiled
def counters_for(length: int) -> int:
    """A power of two, twice the n-grams of one order that a text of `length` has, or more."""
    size = 2
    while size < 2 * length:
        size *= 2
    return size


@compiled
def fill(
    words: Any,
    shift: int,
    token_bits: int,
    count_bits: int,
    num_groups: int,
    tokens: Any,
    starts: Any,
    lengths: Any,
    groups: Any,
    max_order: int,
    most: int,
) -> bool:
    """Enters the n-grams of the texts `tokens[starts[r] : starts[r] + lengths[r]]` in groups (R,) into an empty table;
    False where they are more than `most`."""
    longest = lengths.max()
    space = np.empty((4, longest), np.int64)
    parents, keys, homes, seen = space[0], space[1], space[2], space[3]
    counters = np.empty(counters_for(longest), np.int64)
    count_mask = (1 << count_bits) - 1
    entered = 0
    for row in range(lengths.size):
        length = lengths[row]
        mask = counters_for(length) - 1
        parents[:length] = groups[row]
        for order in range(min(max_order, length)):
            counters[: mask + 1] = 0
            windows = length - order
            # All the slots of an order are read before any is looked at, so that memory serves them together.
            for i in range(windows):
                keys[i] = parents[i] << token_bits | tokens[starts[row] + i + order]
                homes[i] = home_slot(keys[i], shift)
                seen[i] = words[homes[i]]
            for i in range(windows):
                slot = homes[i]
                if seen[i] == 0 or seen[i] >> count_bits != keys[i]:
                    while words[slot] != 0 and words[slot] >> count_bits != keys[i]:
                        slot = (slot + 1) & (words.size - 1)
                    if words[slot] == 0:
                        if entered == most:
                            return False
                        entered += 1
                        words[slot] = keys[i] << count_bits
                parents[i] = num_groups + slot
                at = counter_of(counters, mask, count_bits, slot)
                occurrences = (counters[at] & count_mask) + 1
                counters[at] = slot << count_bits | occurrences
                if occurrences > words[slot] & count_mask:
                    words[slot] = keys[i] << count_bits | occurrences
    return True


@compiled
def clipped_matches(
    matches: Any,
    text: Any,
    length: int,
    group: int,
    words: Any,
    shift: int,
    token_bits: int,
    count_bits: int,
    num_groups: int,
    space: Any,
    counters: Any,
) -> None:
    """Writes how many n-grams of each order (K,) the text shares with the references of its group."""
    starts, parents, keys, homes, seen = space
    count_mask = (1 << count_bits) - 1
    mask = counters_for(length) - 1
    matches[:] = 0
    alive = length
    for i in range(length):
        starts[i] = i
        parents[i] = group
    for order in range(matches.size):
        windows = 0
        for i in range(alive):
            end = starts[i] + order
            if end < length and text[end] >> token_bits == 0:
                key = parents[i] << token_bits | text[end]
                home = home_slot(key, shift)
                starts[windows] = starts[i]
                keys[windows] = key
                homes[windows] = home
                # All the slots of an order are read before any is looked at, so that memory serves them together.
                seen[windows] = words[home]
                windows += 1
        if windows == 0:
            break
        counters[: mask + 1] = 0
        alive = 0
        for i in range(windows):
            slot = find(words, count_bits, keys[i], homes[i], seen[i])
            # What begins with an n-gram that the references have not is not there either.
            if slot < 0:
                continue
            at = counter_of(counters, mask, count_bits, slot)
            occurrences = counters[at] & count_mask
            if occurrences < words[slot] & count_mask:
                counters[at] = slot << count_bits | (occurrences + 1)
                matches[order] += 1
            starts[alive] = starts[i]
            parents[alive] = num_groups + slot
            alive += 1


@compiled
def lower_bound(values: Any, first: int, last: int, value: int) -> int:
    """The first place in the ascending `values[first:last]` whose value is not less; `last` where all are."""
    while first < last:
        middle = (first + last) // 2
        if values[middle] < value:
            first = middle + 1
        else:
            last = middle
    return first


@compiled
def closest_length(keys: Any, base: int, starts: Any, group: int, length: int) -> Any:
    """The length of a reference of the group that is closest to `length`, the shorter of two."""
    first, last = starts[group], starts[group + 1]
    at = lower_bound(keys, first, last, group * base + min(length, base - 1))
    shorter = keys[max(at - 1, first)] % base
    longer = keys[min(at, last - 1)] % base
    return shorter if abs(length - shorter) <= abs(longer - length) else longer


@compiled
def bleu(matches: Any, length: int, reference_length: int, method: int, value: float, effective_order: bool) -> Any:
    """BLEU from the clipped matches (K,); see `smoothed_precisions`, `brevity_penalty` and `bleu` in
    `textgen_env.metrics.bleu`."""
    if not matches.any():
        return 0.0
    log_sum = 0.0
    orders = 0
    missed = 1.0
    for order in range(matches.size):
        numerator = float(matches[order])
        denominator = float(max(length - order, 0))
        if method == ADD_K and order > 0:
            numerator += value
            denominator += value
        if denominator == 0.0:
            if effective_order:
                break
            return 0.0
        if numerator == 0.0 and method == EXP:
            missed /= 2.0
            numerator = missed
        elif numerator == 0.0 and method == FLOOR:
            numerator = value
        if numerator == 0.0:
            return 0.0
        log_sum += np.log(numerator / denominator)
        orders += 1
    penalty = np.exp(1.0 - reference_length / length) if length < reference_length else 1.0
    return penalty * np.exp(log_sum / orders)


@compiled
def score(
    scores: Any,
    tokens: Any,
    lengths: Any,
    groups: Any,
    words: Any,
    shift: int,
    token_bits: int,
    count_bits: int,
    num_groups: int,
    known_groups: Any,
    length_keys: Any,
    length_base: int,
    length_starts: Any,
    max_order: int,
    method: int,
    value: float,
    effective_order: bool,
) -> bool:
    """Writes BLEU (N,) of texts (N, T), (N,) in groups (N,), which are not read where `known_groups` is empty;
    False where a length, a token id or a group is none."""
    longest = 0
    for length in lengths:
        if length < 0 or length > tokens.shape[1]:
            return False
        longest = max(longest, length)
    matches = np.empty(max_order, np.int64)
    space = np.empty((5, longest), np.int64)
    counters = np.empty(counters_for(longest), np.int64)
    rows = (space[0], space[1], space[2], space[3], space[4])
    for row in range(lengths.size):
        text, length = tokens[row], lengths[row]
        lowest = np.int64(0)
        for i in range(length):
            lowest = min(lowest, text[i])
        if lowest < 0:
            return False
        group = 0
        if known_groups.size:
            group = lower_bound(known_groups, 0, known_groups.size, groups[row])
            if group == known_groups.size or known_groups[group] != groups[row]:
                return False
        clipped_matches(matches, text, length, group, words, shift, token_bits, count_bits, num_groups, rows, counters)
        reference_length = closest_length(length_keys, length_base, length_starts, group, length)
        scores[row] = bleu(matches, length, reference_length, method, value, effective_order)
    return True
