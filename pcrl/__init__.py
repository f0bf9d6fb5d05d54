"""pcrl: a data engine and trainer for PCRLv2, self-supervised pre-training on medical images."""

__version__ = "0.1.0"
