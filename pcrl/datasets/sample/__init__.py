"""The sample that `pcrl sample` makes: real scans of published packages, virtual patients, synthetic radiographs."""
