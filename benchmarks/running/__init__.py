"""Execution of experiments: scheduler, worker processes, jobs, training."""
