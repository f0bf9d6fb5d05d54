"""Synthetic radiographs: projections of CTs with painted findings."""
