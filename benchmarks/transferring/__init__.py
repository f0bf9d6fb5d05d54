"""Does pre-training help? The parts of `benchmarks/transfer.py`; the rules are in `docs/transfer-protocol.md`."""
