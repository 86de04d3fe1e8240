# mypy: ignore-errors
"""Two steps, the fewest a flow with a start and an end can have."""

from metaflow import FlowSpec, step


class Noop(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Noop()
