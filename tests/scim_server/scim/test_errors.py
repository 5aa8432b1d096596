from scim_server.scim.errors import NotFound, ScimError, UniquenessViolation


def test_bodies() -> None:
    assert UniquenessViolation("userName is taken by 1").body() == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "409",
        "scimType": "uniqueness",
        "detail": "userName is taken by 1",
    }
    assert "scimType" not in NotFound("no such user").body()
    assert ScimError(429, "slow down").body()["status"] == "429"
