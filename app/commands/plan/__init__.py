"""What will happen: waves, hosts, and what restores them."""
