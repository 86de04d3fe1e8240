"""Queues without a wire: messages, locks, sessions, time. Who receives is a `Consumer`."""
