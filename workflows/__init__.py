"""The durable order: steps, decisions, undo. Deterministic."""
