"""Checking and decompressing chunks."""
