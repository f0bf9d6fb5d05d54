"""Radiographs, from the file to the rendered views."""
