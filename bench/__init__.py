"""Benchmarks: leadsync beside its peers and beside the smallest program that does the same work, in one run."""
