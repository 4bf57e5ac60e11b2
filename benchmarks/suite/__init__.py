"""The parts of benchmarks/run.py: servers, load, cases, measurements, report."""
