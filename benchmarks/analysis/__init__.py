"""Results read from disk, and the statistics that compare them."""
