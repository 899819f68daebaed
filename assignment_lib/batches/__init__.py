"""From images in memory to batches: who is drawn how often, and how pictures are transformed."""
