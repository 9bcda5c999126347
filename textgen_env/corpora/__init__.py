"""Corpora: texts of a user's own, read, cut into tokens, split, and kept on disk."""
