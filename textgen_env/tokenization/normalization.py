"""Normal forms of Unicode, and blanks."""

from __future__ import annotations

import unicodedata
from typing import Literal

from textgen_env.checks import check_choice

Form = Literal["NFC", "NFKC", "none"]
FORMS: tuple[Form, ...] = ("NFC", "NFKC", "none")


def check_form(form: object) -> None:
    """Refuses what is no normal form.

    Raises:
        ValueError: naming those there are.
    """
    check_choice("unicode_form", form, FORMS)


def normal(text: str, form: Form, lowercase: bool) -> str:
    """The text in a normal form of Unicode (Unicode Standard Annex 15), in lower case if that is wanted.

    Args:
        text: any.
        form: "NFC" writes a letter and its accents as one character where there is one; "NFKC" also makes of
            full-width and other variants the plain letter; "none" leaves the text alone.
        lowercase: whether letters are made small.
    """
    if lowercase:
        text = text.lower()
    # After the change of case: "İ" in small letters is two characters, which NFC leaves and NFKC may compose.
    return text if form == "none" or text.isascii() else unicodedata.normalize(form, text)
