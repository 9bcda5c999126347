"""Tokenization: how a text is cut into tokens, and how tokens are joined to a readable text again."""

from textgen_env.tokenization.base import Tokenization
from textgen_env.tokenization.names import make_tokenization, register_tokenization

__all__ = ["Tokenization", "make_tokenization", "register_tokenization"]
