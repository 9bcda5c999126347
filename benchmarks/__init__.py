"""The comparison: experiments as data, run in parallel, measured alike, reported with their uncertainty."""
