"""One small file an experiment: a module `<name>.py` that defines `EXPERIMENT`, whose name is the file's, or
`EXPERIMENTS`, by size, named "file-size"."""
