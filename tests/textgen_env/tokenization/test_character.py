"""Characters, as readers take them."""

from __future__ import annotations

import pytest

from textgen_env.tokenization.character import CharacterTokenization

CUT = {
    "a  b\tc ": ["a", " ", "b", " ", "c"],
    "e\u0301x\u0301": ["é", "x\u0301"],
    "👩‍👩‍👧👍🏽": ["👩‍👩‍👧", "👍🏽"],
    "床前明月光": list("床前明月光"),
    "שלום": list("שלום"),
    "नमस्ते": ["न", "म", "स्ते"],
    "": [],
}


@pytest.mark.parametrize("text", CUT)
def test_a_letter_and_its_marks_are_one(text: str) -> None:
    characters = CharacterTokenization()
    assert characters.cut([text]) == [CUT[text]]
    assert characters.cut([characters.join(CUT[text])]) == [CUT[text]]


def test_a_text_is_given_back_exactly() -> None:
    characters = CharacterTokenization()
    text = "«Été» – naïve, 中文 😀!"
    assert characters.join(characters.cut([text])[0]) == text


def test_small_letters() -> None:
    assert CharacterTokenization(lowercase=True).cut(["ÉA"]) == [["é", "a"]]
    with pytest.raises(TypeError, match="lowercase='no' must be True or False"):
        CharacterTokenization(lowercase="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unicode_form='x' must be one of"):
        CharacterTokenization(unicode_form="x")  # type: ignore[arg-type]
