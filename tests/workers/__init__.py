"""The worker process: its settings, its connections, its logs, its end."""
