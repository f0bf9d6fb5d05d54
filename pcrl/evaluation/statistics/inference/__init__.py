"""Intervals and tests over patients and seeds."""
