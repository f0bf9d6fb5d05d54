"""What the probabilities of candidates come to: AUROC, FROC and CPM, an operating point, and the tables of them."""
