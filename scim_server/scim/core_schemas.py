"""The core schemas User and Group (RFC 7643 §4.1, §4.2, §8.7.1)."""

from scim_server.scim.schema import Attribute, Schema

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"


def _labelled(name: str, description: str, value: Attribute, *types: str) -> Attribute:
    """A multi-valued attribute with the usual sub-attributes (RFC 7643 §2.4)."""
    return Attribute(
        name,
        "complex",
        description,
        multi_valued=True,
        sub_attributes=(
            value,
            Attribute("display", description="Name for people to read"),
            Attribute("type", description="Label of the value's purpose", canonical_values=types),
            Attribute("primary", "boolean", "Whether this is the preferred value; true at most once"),
        ),
    )


USER = Schema(
    USER_URN,
    "User",
    "User Account",
    (
        Attribute(
            "userName",
            description="Name by which the provider identifies the user; unique without case",
            required=True,
            uniqueness="server",
        ),
        Attribute(
            "name",
            "complex",
            "Components of the user's name",
            sub_attributes=(
                Attribute("formatted", description="The full name, formatted for display"),
                Attribute("familyName", description="Family name"),
                Attribute("givenName", description="Given name"),
                Attribute("middleName", description="Middle names"),
                Attribute("honorificPrefix", description="Title before the name"),
                Attribute("honorificSuffix", description="Suffix after the name"),
            ),
        ),
        Attribute("displayName", description="Name shown to people"),
        Attribute("nickName", description="Casual name"),
        Attribute(
            "profileUrl",
            "reference",
            "URL of the user's online profile",
            case_exact=True,
            reference_types=("external",),
        ),
        Attribute("title", description="Job title"),
        Attribute("userType", description="Relation to the organisation, such as Employee or Contractor"),
        Attribute("preferredLanguage", description="Preferred languages, as in Accept-Language"),
        Attribute("locale", description="Locale for dates, numbers and currency"),
        Attribute("timezone", description="Time zone in IANA form, such as Europe/Berlin"),
        Attribute("active", "boolean", "Whether the provider lets the user in"),
        Attribute(
            "password",
            description="Accepted so that providers which send one succeed; never stored, never returned",
            case_exact=True,
            mutability="writeOnly",
            returned="never",
        ),
        _labelled("emails", "E-mail addresses", Attribute("value", description="Address"), "work", "home", "other"),
        _labelled(
            "phoneNumbers",
            "Telephone numbers",
            Attribute("value", description="Number"),
            "work",
            "home",
            "mobile",
            "fax",
            "pager",
            "other",
        ),
        _labelled(
            "ims",
            "Instant messaging addresses",
            Attribute("value", description="Address"),
            "aim",
            "gtalk",
            "icq",
            "xmpp",
            "msn",
            "skype",
            "qq",
            "yahoo",
        ),
        _labelled(
            "photos",
            "Pictures of the user",
            Attribute("value", "reference", "URL", case_exact=True, reference_types=("external",)),
            "photo",
            "thumbnail",
        ),
        Attribute(
            "addresses",
            "complex",
            "Postal addresses",
            multi_valued=True,
            sub_attributes=(
                Attribute("formatted", description="The full address, formatted for display"),
                Attribute("streetAddress", description="Street, house number, box"),
                Attribute("locality", description="City"),
                Attribute("region", description="State or region"),
                Attribute("postalCode", description="Postal code"),
                Attribute("country", description="Country as an ISO 3166-1 alpha-2 code"),
                Attribute("type", description="Label of purpose", canonical_values=("work", "home", "other")),
                Attribute("primary", "boolean", "Whether this is the preferred address; true at most once"),
            ),
        ),
        Attribute(
            "groups",
            "complex",
            "Groups of the user, direct and nested; changed through the group",
            multi_valued=True,
            mutability="readOnly",
            sub_attributes=(
                Attribute("value", description="The group's id", case_exact=True, mutability="readOnly"),
                Attribute(
                    "$ref",
                    "reference",
                    "URL of the group",
                    case_exact=True,
                    mutability="readOnly",
                    reference_types=("User", "Group"),
                ),
                Attribute("display", description="The group's displayName", mutability="readOnly"),
                Attribute(
                    "type",
                    description="direct, or indirect through a nested group",
                    mutability="readOnly",
                    canonical_values=("direct", "indirect"),
                ),
            ),
        ),
        _labelled("entitlements", "Entitlements", Attribute("value", description="Entitlement")),
        _labelled("roles", "Roles as the provider names them", Attribute("value", description="Role")),
        _labelled(
            "x509Certificates",
            "Certificates of the user",
            Attribute("value", "binary", "DER encoded certificate in base64", case_exact=True),
        ),
    ),
)

GROUP = Schema(
    GROUP_URN,
    "Group",
    "Group",
    (
        Attribute("displayName", description="Name of the group", required=True),
        Attribute(
            "members",
            "complex",
            "Users and groups that belong to the group",
            multi_valued=True,
            sub_attributes=(
                Attribute("value", description="The member's id", case_exact=True, mutability="immutable"),
                Attribute(
                    "$ref",
                    "reference",
                    "URL of the member",
                    case_exact=True,
                    mutability="immutable",
                    reference_types=("User", "Group"),
                ),
                Attribute(
                    "type",
                    description="Kind of the member",
                    mutability="immutable",
                    canonical_values=("User", "Group"),
                ),
                Attribute("display", description="Name of the member", mutability="readOnly", returned="request"),
            ),
        ),
    ),
)
