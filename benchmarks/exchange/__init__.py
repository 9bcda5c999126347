"""Exchange of results with other tools: tidy frames out, measurements of theirs in."""
