"""What a run leaves on disk: its record, its log, its pictures, its checkpoints."""
