"""Results on disk: run folders, checkpoints, manifests."""
