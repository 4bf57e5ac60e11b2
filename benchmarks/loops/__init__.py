"""What benchmarks/loop.py measures: the cases, the meter, and the process that runs one case."""
