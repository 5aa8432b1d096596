"""`kubectl scim`: a plugin of kubectl for people who connect identity providers.

It knows neither the operator nor the server: it reads the custom resources through the user's own kubectl, and it
speaks SCIM to whatever URL it is given.
"""
