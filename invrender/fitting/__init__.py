"""Fits: problems, schedules, solvers, searches and verdicts."""
