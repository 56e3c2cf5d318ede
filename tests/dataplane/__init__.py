"""Real packets: simulated switches whose command line programs real Open vSwitch bridges, hosts in network namespaces."""
