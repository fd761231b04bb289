"""Benchmarks: the same kinds of fits again and again, from starts and truths that seeds draw."""
