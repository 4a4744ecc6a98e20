"""The command `policies`: the rules as policies of Kubernetes itself, in CEL."""
