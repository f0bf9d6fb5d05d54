"""Whether pre-training saw a test patient, under whatever name and in whatever form."""
