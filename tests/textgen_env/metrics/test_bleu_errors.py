"""Errors of BleuScorer, with compiled loops and with NumPy alone."""

import numpy as np
import pytest

from textgen_env.metrics import BleuScorer


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"references": []}, ValueError, "references: got none"),
        ({"references": [[0], [3, -2]]}, ValueError, r"references\[1\] holds -2"),
        ({"references": [[0.5]]}, TypeError, "integer token ids, got dtype float64"),
        ({"references": ["ab"]}, TypeError, "references must hold integer"),
        ({"references": [[[0]]]}, TypeError, "references must hold integer"),
        ({"references": [1, 2]}, TypeError, "sequences of token ids"),
        ({"references": [[2**64]]}, TypeError, "got dtype object"),
        ({"max_order": 0}, ValueError, "max_order=0 must be a whole number >= 1"),
        ({"max_order": 1.0}, TypeError, "max_order=1.0"),
        ({"max_order": True}, TypeError, "max_order=True"),
        ({"smooth_method": "add-one"}, ValueError, "smooth_method='add-one' must be one of none, floor, add-k, exp"),
        ({"smooth_method": "exp", "smooth_value": 1.0}, ValueError, "takes no value"),
        ({"smooth_method": "floor", "smooth_value": -0.1}, ValueError, "must be in 0 .. 1"),
        ({"smooth_method": "floor", "smooth_value": 1.5}, ValueError, "must be in 0 .. 1"),
        ({"smooth_method": "add-k", "smooth_value": float("nan")}, ValueError, "finite and >= 0"),
        ({"smooth_method": "add-k", "smooth_value": float("inf")}, ValueError, "finite and >= 0"),
        ({"smooth_method": "add-k", "smooth_value": "1"}, TypeError, "smooth_value='1' must be a number"),
        ({"groups": np.array([0])}, ValueError, r"groups has shape \(1,\), expected \(2,\): one for each reference"),
        ({"groups": np.array([0.0, 1.0])}, TypeError, "groups must be an array of integers"),
    ],
)
def test_construction_errors(path, kwargs, error, message):
    with pytest.raises(error, match=message):
        BleuScorer(**{"references": [[0, 1], [2]], **kwargs})


@pytest.mark.parametrize(
    ("tokens", "lengths", "error", "message"),
    [
        ([0, 1], [2], ValueError, r"shapes \(N, T\) and \(N,\), got \(2,\) and \(1,\)"),
        ([[0, 1]], [2, 2], ValueError, r"got \(1, 2\) and \(2,\)"),
        ([[0.0, 1.0]], [2], TypeError, "tokens must be an array of integers, got dtype float64"),
        ([[0, 1]], [2.0], TypeError, "lengths must be an array of integers"),
        ([[0, 1], [0, 1]], [2, 3], ValueError, r"lengths\[1\]=3 must lie in 0 .. 2"),
        ([[0, 1], [0, 1]], [-1, 2], ValueError, r"lengths\[0\]=-1"),
        ([[0, 1], [0, -7]], [2, 2], ValueError, r"tokens\[1, 1\]=-7"),
    ],
)
def test_score_errors(path, tokens, lengths, error, message):
    with pytest.raises(error, match=message):
        BleuScorer([[0, 1]]).score(np.array(tokens), np.array(lengths))


def test_group_errors(path):
    tokens, lengths = np.array([[0, 1]]), np.array([2])
    with pytest.raises(ValueError, match="the references have none"):
        BleuScorer([[0, 1]]).score(tokens, lengths, groups=np.array([0]))
    grouped = BleuScorer([[0, 1], [2]], groups=np.array([3, 8]))
    with pytest.raises(ValueError, match="groups=None"):
        grouped.score(tokens, lengths)
    with pytest.raises(ValueError, match=r"groups has shape \(2,\), expected \(1,\): one for each text"):
        grouped.score(tokens, lengths, groups=np.array([3, 3]))
    for absent in (-1, 5, 9):
        with pytest.raises(ValueError, match=rf"groups\[0\]={absent} has no reference"):
            grouped.score(tokens, lengths, groups=np.array([absent]))
