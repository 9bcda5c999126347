"""Measure of melodies, of tasks whose tokens are pitches."""

from __future__ import annotations

import numpy as np

from benchmarks.measures.measured import Measured, NotApplicable
from textgen_env.metrics import Estimate, monte_carlo_mean
from textgen_env.metrics.pitch import squared_pitch_errors
from textgen_env.tasks.pitches import HasPitches


def pitch_error(measured: Measured) -> Estimate:
    """Mean squared error of the pitches of the policy's melodies against those of the test data, each against each, in
    semitones squared (Yu et al. 2017, table 4; `textgen_env.metrics.pitch.squared_pitch_errors` says what it is). Test
    data against themselves give some 74; a melody that stays on their mean pitch half of that."""
    task = measured.task
    if not isinstance(task, HasPitches):
        raise NotApplicable("the task's tokens are no pitches")
    # One entry more, for blanks, which are not looked at.
    pitches = np.append(task.pitches, 0)
    (own, lengths), (data, data_lengths) = measured.content(measured.texts), measured.content(measured.data)
    return monte_carlo_mean(squared_pitch_errors(pitches[own], lengths, pitches[data], data_lengths))
