"""What tinygrad_lite costs beside hand-written NumPy and its peers: `python -m tests.benchmarks`."""
