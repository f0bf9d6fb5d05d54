"""Layouts of radiographs."""
