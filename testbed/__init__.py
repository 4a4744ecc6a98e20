"""What tests, proof and benchmarks try things on: servers of our own, reviews, and a real API server."""
