"""What Retrain tells of itself: lines in the log."""
