"""What takes too long for the suite: its promises with full counts. `make harness` runs it and writes what came out."""
