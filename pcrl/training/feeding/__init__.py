"""From the host to the device: batches, ahead of the step that takes them."""
