"""Durable workflows: operations composed into checkpointed steps."""
