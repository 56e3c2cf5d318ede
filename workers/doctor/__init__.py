"""What `berth doctor` looks at: all that a run will need, from the settings to the trunk ports; nothing is changed."""
