"""What Retrain is about: runs, what may happen to them, and what they ask of the world. Pure."""
