"""A short provider sync, played against a local server as Okta would send it, and what came of it as a table."""
