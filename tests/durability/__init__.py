"""What survives: killed processes, two at once, and operators with nothing but Temporal's own tools."""
