"""Who is trained on, who chooses the epoch, who is tested; and whether pre-training saw them."""
