"""Search for settings: spaces, studies, trials, and the comparison on fresh seeds that decides."""
