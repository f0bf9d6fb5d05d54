"""What a fine-tuned network says of new scans and radiographs."""
