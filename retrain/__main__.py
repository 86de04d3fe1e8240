"""`python -m retrain`, the same as `retrain`."""

from retrain.cli import main

if __name__ == "__main__":
    main()
