"""The layout of nnU-Net: its description, its splits, its files."""
