"""Evaluation on a Ray cluster, whose workers come and go: a pool of workers, and a schedule of chunks."""
