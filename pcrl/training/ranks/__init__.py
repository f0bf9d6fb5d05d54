"""Several processes that train together: who is who, what they exchange, normalisation over all of them."""
