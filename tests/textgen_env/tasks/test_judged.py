"""The task with two judges: a source that is drawn and not shown."""

from __future__ import annotations

import numpy as np
import pytest

from textgen_env import Task
from textgen_env.tasks.judged import JudgedTask
from textgen_env.tasks.tiny import TinyTask


def test_it_is_tiny_with_two_rows_of_sources_that_look_the_same() -> None:
    task = JudgedTask(vocab_size=5, max_length=3)
    assert isinstance(task, Task)
    assert task.vocabulary.tokens == TinyTask(vocab_size=5, max_length=3).vocabulary.tokens
    assert task.vocabulary.eos_id == 0
    assert task.max_length == 3
    np.testing.assert_array_equal(task.sources.pool, [0, 1])
    np.testing.assert_array_equal(task.sources.tokens[0], task.sources.tokens[1])


def test_it_has_no_data() -> None:
    for texts in (JudgedTask().training_sequences, JudgedTask().test_sequences, JudgedTask().references):
        with pytest.raises(ValueError, match="JudgedTask has no t"):
            texts()


@pytest.mark.parametrize("sizes", [{"vocab_size": 0}, {"max_length": 0}, {"vocab_size": 2**40}])
def test_sizes_out_of_range_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(sizes))):
        JudgedTask(**sizes)
