"""Networks, and published weights in and out."""
