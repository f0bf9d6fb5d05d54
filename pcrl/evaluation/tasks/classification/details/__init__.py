"""What a classifier's probabilities are worth beside their order: precision, operating points and calibration."""
