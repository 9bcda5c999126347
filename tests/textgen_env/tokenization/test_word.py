"""Words: how texts are cut, and joined to readable text again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env.tokenization import make_tokenization
from textgen_env.tokenization.word import WordTokenization

CUT = {
    "It costs $3.50, or 1,000 at 10:30.": "It|costs|$|3.50|,|or|1,000|at|10:30|.",
    "I don't think it's o'clock; can't we've?": "I|do|n't|think|it|'s|o'clock|;|ca|n't|we|'ve|?",
    "DON’T She’ll": "DO|N’T|She|’ll",
    'He said "hello, world" (twice).': 'He|said|"|hello|,|world|"|(|twice|)|.',
    "well-known 3rd x_y rock'n'roll": "well-known|3rd|x_y|rock'n'roll",
    "Really... yes--no - u.s. a.m. u.s": "Really|...|yes|--|no|-|u.s.|a.m.|u|.|s",
    "e\u0301te\u0301 na\u0131ve": "été|naıve",
    "我用Python编程。「你好」": "我|用|Python|编|程|。|「|你|好|」",
    "カメラ ภาษา": "カ|メ|ラ|ภ|า|ษ|า",
    "שלום, עולם!": "שלום|,|עולם|!",
    "नमस्ते दुनिया।": "नमस्ते|दुनिया|।",
    "한국어 문장입니다.": "한국어|문장입니다|.",
    "می\u200cخواهم ۱۲": "می\u200cخواهم|۱۲",
    "👩‍👩‍👧 hi😀😀 👍🏽!": "👩‍👩‍👧|hi|😀|😀|👍🏽|!",
    " \t ": "",
}
# Of texts that blanks are put into as readers expect them.
READABLE = (
    "It costs $3.50, or 1,000 at 10:30.",
    "I don't think it's o'clock; can't we've?",
    "He said \"hello, world\" (twice), and 'bye'.",
    "Really... well-known: u.s. 50%!",
    "שלום, עולם!",
    "「你好」，我编程。",
    "नमस्ते दुनिया",
)


@pytest.mark.parametrize("text", CUT)
def test_words_and_marks_are_cut(text: str) -> None:
    expected = CUT[text].split("|") if CUT[text] else []
    assert WordTokenization().cut([text]) == [expected]


@pytest.mark.parametrize("text", READABLE)
def test_what_is_written_as_usual_is_joined_as_it_was(text: str) -> None:
    words = WordTokenization()
    assert words.join(words.cut([text])[0]) == text


def test_right_to_left_text_keeps_its_order_of_characters() -> None:
    words = WordTokenization()
    assert words.join(["שלום", ",", "עולם", "."]) == "שלום, עולם."


def test_a_mark_stands_at_an_unknown_word() -> None:
    assert WordTokenization().join(["a", "<unk>", "?"]) == "a <unk>?"


TEXTS = st.text(
    st.sampled_from("ab'’\"n t.-,:3中。é😀\u200d(s$%\u0301한नเ_") | st.characters(exclude_categories=("Cs",))
)


@pytest.mark.parametrize("punctuation", ["apart", "attached", "dropped"])
@pytest.mark.parametrize("contractions", ["apart", "whole"])
def test_joined_words_are_cut_alike(punctuation: str, contractions: str) -> None:
    words = make_tokenization({"name": "word", "punctuation": punctuation, "contractions": contractions})

    @settings(max_examples=300, deadline=None)
    @given(TEXTS)
    def check(text: str) -> None:
        (cut,) = words.cut([text])
        assert words.cut([words.join(cut)]) == [cut]
        assert all(piece and not any(letter.isspace() for letter in piece) for piece in cut)
        if punctuation != "dropped" and text.isascii():
            assert "".join(cut) == "".join(text.split())

    check()


def test_arguments_change_the_rules() -> None:
    text = "Don't stop, Élise!"
    cut = {
        "lowercase": WordTokenization(lowercase=True),
        "whole": WordTokenization(contractions="whole"),
        "attached": WordTokenization(punctuation="attached"),
        "dropped": WordTokenization(punctuation="dropped"),
    }
    assert {name: each.cut([text])[0] for name, each in cut.items()} == {
        "lowercase": ["do", "n't", "stop", ",", "élise", "!"],
        "whole": ["Don't", "stop", ",", "Élise", "!"],
        "attached": ["Don't", "stop,", "Élise!"],
        "dropped": ["Do", "n't", "stop", "Élise"],
    }
    assert cut["attached"].join(["Don't", "stop,"]) == "Don't stop,"


def test_unicode_forms() -> None:
    decomposed, wide = "e\u0301", "ＡＢ１"
    assert WordTokenization().cut([decomposed, wide]) == [["é"], ["ＡＢ１"]]
    assert WordTokenization(unicode_form="NFKC").cut([wide]) == [["AB1"]]
    assert WordTokenization(unicode_form="none").cut([decomposed]) == [[decomposed]]


def test_equal_settings_are_equal() -> None:
    assert WordTokenization() == WordTokenization()
    assert hash(WordTokenization()) == hash(WordTokenization())
    assert WordTokenization() != WordTokenization(lowercase=True)
    assert WordTokenization(lowercase=True).settings == {
        "name": "word",
        "lowercase": True,
        "punctuation": "apart",
        "contractions": "apart",
        "unicode_form": "NFC",
    }


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"lowercase": 1}, TypeError, "lowercase=1 must be True or False"),
        ({"punctuation": "gone"}, ValueError, "punctuation='gone' must be one of 'apart', 'attached', 'dropped'"),
        ({"contractions": True}, ValueError, "contractions=True must be one of 'apart', 'whole'"),
        ({"unicode_form": "NFD"}, ValueError, "unicode_form='NFD' must be one of 'NFC', 'NFKC', 'none'"),
    ],
)
def test_other_arguments_are_refused(arguments: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        WordTokenization(**arguments)
