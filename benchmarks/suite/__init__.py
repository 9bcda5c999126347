"""Suite: every agent that applies on every environment, scores that can be compared, and one leaderboard of them."""
