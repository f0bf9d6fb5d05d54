"""What pre-training learns from: an objective a file, called as the recipe calls it (`objective.name`).

`objective.py` says what an objective is, `masked.py` is the one to read as an example. The trainer knows none by name.
"""
