"""Benchmarks: figures beside a baseline of the same run, for machines differ and are shared."""
