"""Distance of melodies from reference melodies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def squared_pitch_errors(
    pitches: ArrayLike,
    lengths: ArrayLike,
    reference_pitches: ArrayLike,
    reference_lengths: ArrayLike,
) -> FloatArray:
    """Mean squared error of each melody against all references, (N,) in semitones squared.

    With p_it the pitch at step t of melody i, and q_jt that of reference j, it is the mean of (p_it - q_jt)^2 over all
    j and all steps t that both have. Yu et al. (2017, "SeqGAN: Sequence Generative Adversarial Nets with Policy
    Gradient", section 6) measure by "the mean squared error", after Manaris et al. (2007), and do not say which
    melody is compared with which: here each is compared with each. Its expectation is the mean over steps of
    (E p_t - E q_t)^2 + Var p_t + Var q_t: least for melodies that stay on the mean pitch, so that a low value is no
    merit by itself; melodies drawn as the references are have twice their variance.

    Args:
        pitches: (N, T) MIDI numbers, left aligned; what follows the length is not looked at.
        lengths: (N,) whole numbers in 1 .. T.
        reference_pitches, reference_lengths: (M, S), (M,) likewise, S any.

    Raises:
        ValueError: wrong shapes, no references, or a length that is not in 1 .. T.
    """
    own, written = _checked("pitches", pitches, lengths)
    references, compared = _checked("reference_pitches", reference_pitches, reference_lengths)
    if not len(references):
        raise ValueError("reference_pitches holds no melodies; at least one is needed")
    steps = min(own.shape[1], references.shape[1])
    own, written = own[:, :steps], written[:, :steps]
    references = np.where(compared, references, 0.0)[:, :steps]
    count, total, squares = compared[:, :steps].sum(0), references.sum(0), (references**2).sum(0)
    errors = np.where(written, own**2 * count - 2 * own * total + squares, 0.0).sum(1)
    found: FloatArray = errors / np.where(written, count, 0).sum(1)
    return found


def _checked(name: str, pitches: ArrayLike, lengths: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Melodies as float64, and which of their steps are written."""
    found, counts = np.asarray(pitches, np.float64), np.asarray(lengths)
    if found.ndim != 2 or counts.shape != found.shape[:1]:
        raise ValueError(f"{name} has shape {found.shape}, and its lengths {counts.shape}; expected (N, T) and (N,)")
    if len(counts) and not ((counts >= 1) & (counts <= found.shape[1])).all():
        raise ValueError(
            f"lengths of {name} run from {counts.min()} to {counts.max()}; allowed are 1 to {found.shape[1]}"
        )
    return found, np.arange(found.shape[1]) < counts[:, None]
