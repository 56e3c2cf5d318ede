"""berth: the command line."""
