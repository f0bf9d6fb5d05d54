"""Layouts of volumes."""
