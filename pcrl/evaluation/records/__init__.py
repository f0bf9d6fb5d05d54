"""Requests and results of evaluations: records on disk. No torch."""
