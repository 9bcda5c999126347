"""The texts of a task that no agent learns from: those to test on, and those to choose a point of the curve by."""

from __future__ import annotations

from textgen_env import Task, Texts


def texts_to_test_on(task: Task, count: int, kept_back: int = 0) -> Texts | None:
    """The first `count` texts of the task's test data without its last `kept_back`; None if it has none.

    Raises:
        ValueError: nothing would be left.
    """
    texts = _all_test_texts(task)
    if texts is None:
        return None
    return _rows(texts, slice(min(count, _left(texts, kept_back))))


def texts_to_validate_on(task: Task, count: int) -> Texts | None:
    """The last `count` texts of the task's test data; None if it has none.

    Raises:
        ValueError: nothing would be left to test on.
    """
    texts = _all_test_texts(task)
    return None if texts is None else _rows(texts, slice(_left(texts, count), None))


def _all_test_texts(task: Task) -> Texts | None:
    try:
        return task.test_sequences()
    except ValueError:
        return None


def _left(texts: Texts, kept_back: int) -> int:
    left = len(texts.tokens) - kept_back
    if left < 1:
        raise ValueError(
            f"validation_texts={kept_back} leaves nothing of the task's {len(texts.tokens)} test texts to test on; "
            "lower it, or have the task make more"
        )
    return left


def _rows(texts: Texts, rows: slice) -> Texts:
    return Texts(texts.tokens[rows], texts.lengths[rows], None if texts.sources is None else texts.sources[rows])
