"""What a tenant's network is: documents, names, addresses, policies, plans. Pure: no I/O, no clock."""
