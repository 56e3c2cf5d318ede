"""One idempotent step each; thin; turns client errors into retry decisions."""
