"""Plays an identity provider against a SCIM server, undoes it, and says what the provider would complain about.

* `client`: one HTTP request, and what came back
* `session`: steps, complaints, and what was made and must go again
* `steps`: the steps that several providers take
* `providers`: which steps each provider takes, in its own dialect
* `run`: one probe from its start to its exit status
"""
