"""The OpenAPI 3.1 document of the public port, built from the schemas that the server reads and answers with."""
