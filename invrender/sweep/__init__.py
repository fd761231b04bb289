"""Sweeps: many fits, what became of each, and which was best."""
