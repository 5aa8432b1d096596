"""The SCIM 2.0 protocol as pure code: no I/O, no web framework, no SQL.

Read in this order: `schema` and `resource_types` (what a resource looks like), `path` and `filter`
(how requests name parts of it), `normalise` (how what providers send becomes canonical), `patch`
(what a PATCH changes), `resource` (what an answer shows).
"""
