"""Tasks: vocabularies, horizons, sources and data."""
