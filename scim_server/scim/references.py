"""References to resources: `$ref`."""


def id_from_reference(reference: str) -> str:
    """The id at the end of an absolute or relative `$ref`; Keycloak sends `../Users/ID` or `Users/ID`."""
    return reference.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
