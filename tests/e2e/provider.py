"""An identity provider and an application, as HTTP clients of one replica."""

from typing import Any

import httpx

EFFECTIVE = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class ScimClient:
    """Calls one tenant at one replica with one credential. A status of 400 or more raises, except by `status`."""

    def __init__(self, server: str, tenant: str, authorization: str) -> None:
        """`authorization`: the header's value."""
        self._http = httpx.Client(
            base_url=f"{server}/{tenant}/scim/v2",
            headers={"Authorization": authorization, "Content-Type": "application/scim+json"},
            timeout=15,
        )

    def close(self) -> None:
        self._http.close()

    def status(self) -> int:
        """What a look-up is answered: 200, or 401 when the credential isn't accepted."""
        return self._http.get("/Users", params={"count": 1}).status_code

    def create_user(self, name: str, **attributes: Any) -> str:
        body = {"schemas": [USER], "userName": name, "externalId": f"ext-{name}", "active": True, **attributes}
        return str(self._call("POST", "/Users", body)["id"])

    def create_group(self, name: str, *members: str, external_id: str | None = None) -> str:
        body: dict[str, Any] = {
            "schemas": [GROUP],
            "displayName": name,
            "members": [{"value": member} for member in members],
        }
        if external_id is not None:
            body["externalId"] = external_id
        return str(self._call("POST", "/Groups", body)["id"])

    def add_member(self, group: str, user: str) -> None:
        self._patch_group(group, {"op": "add", "path": "members", "value": [{"value": user}]})

    def remove_member(self, group: str, user: str) -> None:
        self._patch_group(group, {"op": "remove", "path": f'members[value eq "{user}"]'})

    def set_active(self, user: str, active: bool) -> None:
        self.patch_user(user, op="replace", path="active", value=active)

    def user(self, user: str) -> dict[str, Any]:
        return self._call("GET", f"/Users/{user}")

    def patch_user(self, user: str, **operation: Any) -> None:
        self._call("PATCH", f"/Users/{user}", {"schemas": [PATCH], "Operations": [operation]})

    def found(self, expression: str) -> set[str]:
        """userNames of the users that a filter finds."""
        answer = self._http.get("/Users", params={"filter": expression})
        answer.raise_for_status()
        return {user["userName"] for user in answer.json().get("Resources", [])}

    def schemas(self) -> set[str]:
        """The URNs that are announced."""
        return {schema["id"] for schema in self._call("GET", "/Schemas")["Resources"]}

    def user_names(self) -> set[str]:
        names: set[str] = set()
        start = 1
        while True:
            page = self._call("GET", f"/Users?startIndex={start}&count=100")
            names |= {item["userName"] for item in page.get("Resources", [])}
            start += page["itemsPerPage"]
            if start > page["totalResults"] or not page["itemsPerPage"]:
                return names

    def members(self, group: str) -> set[str]:
        return {member["value"] for member in self._call("GET", f"/Groups/{group}").get("members", [])}

    def effective(self, user: str) -> dict[str, Any]:
        """State, roles, permissions and profile, as an application reads them."""
        found: dict[str, Any] = self._call("GET", f"/Users/{user}?attributes={EFFECTIVE}")[EFFECTIVE]
        return found

    def roles(self, user: str) -> set[str]:
        return {role["value"] for role in self.effective(user).get("roles", [])}

    def _patch_group(self, group: str, operation: dict[str, Any]) -> None:
        self._call("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": [operation]})

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self._http.request(method, path, json=body)
        if answer.status_code >= 400:
            raise httpx.HTTPStatusError(
                f"{answer.status_code}: {answer.text}", request=answer.request, response=answer
            )
        return dict(answer.json()) if answer.content else {}
