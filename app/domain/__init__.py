"""What aliases, hosts, rules and orders mean, in pure functions: no clock, no files, no network."""
