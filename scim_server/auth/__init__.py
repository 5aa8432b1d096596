"""Authentication. Every kind of credential of a tenant, and the tenant's own OAuth 2.0 token endpoint.

    Authorization: Bearer …   a static token, an access token of our own, or a token of a JWT issuer
    Authorization: Basic …    a user name with a password

`authenticator.py` decides; the other files each know one thing. Nothing here knows HTTP beyond the text of a header.
"""
