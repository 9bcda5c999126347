"""Texts on their way from environments and corpora to losses."""
