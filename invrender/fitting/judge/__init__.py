"""Verdicts: what a fit's answer is worth."""
