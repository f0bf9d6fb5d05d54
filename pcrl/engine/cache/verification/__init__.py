"""Whether a data set is as it was written, byte by byte."""
