"""What lies on disk -> tables with one row an image -> decoded images in memory."""
