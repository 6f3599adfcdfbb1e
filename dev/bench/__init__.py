"""The budgets of the addon, measured against the floor of the same run: `make bench`."""
