"""RowCounters: an array over rows that is read without copies and written by entries."""

from copy import copy, deepcopy

import numpy as np
import pytest

from textgen_env.kernels import kernels
from textgen_env.metrics.row_counters import RowCounters

pytestmark = pytest.mark.skipif(kernels("prefixes") is None, reason="compiled loops alone")
BITS = 4


def entry(slot, count):
    return slot << BITS | count


@pytest.fixture
def counters():
    return RowCounters(np.zeros((4, 8), np.int64), BITS)


def counted(counters):
    """Of each row: slot -> occurrences."""
    return [{int(e) >> BITS: int(e) & 15 for e in row if e} for row in np.asarray(counters)]


def test_stands_for_an_array(counters):
    assert (counters.shape, counters.dtype, len(counters)) == ((4, 8), np.dtype(np.int64), 4)
    part = counters[np.array([2, 0])]
    assert (part.shape, len(part)) == ((2, 8), 2)
    assert part.entries is counters.entries
    assert np.asarray(part).dtype == np.int64


def test_additions_are_taken_over_when_they_are_put(counters):
    rows = np.array([3, 1])
    # 5 and 13 want the same place among eight; 0 is a slot like any other.
    view = counters[rows].extended(np.array([[entry(5, 1), entry(13, 2)], [0, entry(0, 3)]]))
    assert counted(counters) == [{}, {}, {}, {}], "nothing before"
    assert counted(view) == [{5: 1, 13: 2}, {0: 3}]
    assert counted(view[[1]]) == [{0: 3}]
    entries = counters.entries
    counters[rows] = view
    assert counters.entries is entries, "in place"
    assert counted(counters) == [{}, {0: 3}, {}, {5: 1, 13: 2}]
    counters[rows] = counters[rows].extended(np.array([[entry(13, 3), 0], [0, 0]]))
    assert counted(counters) == [{}, {0: 3}, {}, {5: 1, 13: 3}]


def test_other_rows_are_copied_whole(counters):
    counters[np.array([2])] = counters[np.array([2])].extended(np.array([[entry(3, 1)]]))
    view = counters[np.array([0, 1])].extended(np.array([[entry(7, 1)], [entry(9, 1)]]))
    counters[np.array([1, 2])] = view
    assert counted(counters) == [{}, {7: 1}, {9: 1}, {}]
    other = RowCounters(np.zeros((2, 8), np.int64), BITS)
    other[np.array([0, 1])] = counters[np.array([2, 0])]
    assert counted(other) == [{9: 1}, {}]
    counters[np.array([0])] = other[np.array([0])].extended(np.array([[entry(1, 1)]]))
    assert counted(counters)[0] == {9: 1, 1: 1}
    assert counted(other)[0] == {9: 1}
    counters[:] = counters[::-1]
    assert counted(counters) == [{}, {9: 1}, {7: 1}, {9: 1, 1: 1}]


def test_a_copy_is_its_own(counters):
    rows = np.array([2, 3])
    view = counters[rows].extended(np.array([[entry(1, 1)], [entry(2, 1)]]))
    kept, deep = copy(view), deepcopy(view)
    counters[rows] = view
    counters[rows] = counters[rows].extended(np.array([[entry(1, 2)], [0]]))
    assert counted(kept) == counted(deep) == [{1: 1}, {2: 1}]
    counters[rows] = kept
    assert counted(counters) == [{}, {}, {1: 1}, {2: 1}]


def test_a_view_that_is_written_to_writes_its_base(counters):
    part = counters[np.array([3, 2])]
    part[np.array([0])] = part[np.array([0])].extended(np.array([[entry(4, 1)]]))
    assert counted(counters) == [{}, {}, {}, {4: 1}]
    pending = counters[np.array([0, 1])].extended(np.array([[entry(6, 1)], [0]]))
    pending[np.array([1])] = counters[np.array([3])]
    assert counted(pending) == [{6: 1}, {4: 1}]
    assert counted(counters) == [{}, {}, {}, {4: 1}], "what is to be added belongs to the view"
