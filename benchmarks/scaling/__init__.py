"""Several processes that train together: measured here, modelled for many; the command is `benchmarks/ranks.py`."""
