"""AMQP connections: frames in, operations on queues, frames out."""
