"""Use cases on a tenant's users and groups: request → delta → one transaction → answer.

Nothing of HTTP, nothing of SQL: bodies come in as parsed JSON, answers go out as JSON objects.
"""
