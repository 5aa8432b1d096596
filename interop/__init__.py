"""Java's SCIM clients against a real server: `make java-clients`. Needs Java 17 and Maven, which fetches them."""
