"""TLS: the certificate that is shown, whose certificates are asked for, and whether the API server would accept it."""
