"""Predictions of a fine-tuned network for new scans and radiographs."""
