"""The enterprise extension of User (RFC 7643 §4.3, §8.7.1)."""

from scim_server.scim.schema import Attribute, Schema

ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

ENTERPRISE = Schema(
    ENTERPRISE_URN,
    "EnterpriseUser",
    "Enterprise User",
    (
        Attribute("employeeNumber", description="Number or code of the person within the organisation"),
        Attribute("costCenter", description="Cost centre"),
        Attribute("organization", description="Organisation"),
        Attribute("division", description="Division"),
        Attribute("department", description="Department"),
        Attribute(
            "manager",
            "complex",
            "The user's manager",
            sub_attributes=(
                Attribute("value", description="Id of the manager, as the provider knows it", case_exact=True),
                Attribute("$ref", "reference", "URL of the manager", case_exact=True, reference_types=("User",)),
                Attribute("displayName", description="The manager's displayName", mutability="readOnly"),
            ),
        ),
    ),
)
