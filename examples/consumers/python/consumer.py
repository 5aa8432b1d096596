"""Keeps a copy of a tenant's users, with their states, roles and permissions, in a file. Python 3.11, nothing else.

SCIM_URL          https://HOST/NAMESPACE/NAME
SCIM_TOKEN        of a credential with access Read
STATE_FILE        the copy: users by id, and the token by which the feed goes on
WEBHOOK_SECRETS   whsec_…, several during a rotation; without them the feed alone tells of changes
PORT              of the webhook, POST /
RECONCILE_SECONDS how often all users are read: once a day by default
"""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

URL, TOKEN, STATE_FILE = os.environ["SCIM_URL"], os.environ["SCIM_TOKEN"], Path(os.environ["STATE_FILE"])
SECRETS = os.environ.get("WEBHOOK_SECRETS", "").split()
RECONCILE_SECONDS = float(os.environ.get("RECONCILE_SECONDS", "86400"))
WAIT = 0 if SECRETS else 30  # seconds that the feed holds a request; webhooks make it needless
LOOK_EVERY = 60  # seconds, where webhooks say when to look: one may be late
TOLERANCE = 300  # seconds between the sender's clock and this one
EFFECTIVE = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"

State = dict[str, Any]
something_new = threading.Event()


class TokenTooOld(Exception):
    pass


def get(path: str, **parameters: str | int) -> Any:
    url = f"{URL}{path}?{urllib.parse.urlencode(parameters)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 410:
                raise TokenTooOld from None
            if error.code not in (429, 503):
                raise
            time.sleep(float(error.headers.get("Retry-After", 5)))
        except OSError:  # the server is away
            time.sleep(5)


def save(state: State) -> None:
    """Users and token together, or neither: a crash repeats events, and loses none."""
    new = STATE_FILE.with_suffix(".new")
    new.write_text(json.dumps(state))
    new.replace(STATE_FILE)


def end_sessions(user: State) -> None:
    print(f"sessions of {user['userName']} ended", flush=True)


def reconcile(before: State) -> State:
    """Read all users. The token is taken first: what changes meanwhile is told again."""
    token, users, cursor = get("/events", after="now")["next"], {}, ""
    while cursor is not None:
        page = get("/scim/v2/Users", count=1000, cursor=cursor, attributes="userName,externalId,effective")
        for found in page["Resources"]:
            users[found["id"]] = copy_of(found | found[EFFECTIVE])
        cursor = page.get("nextCursor")
    for user_id, user in before["users"].items():
        if user["state"] == "active" and users.get(user_id, {}).get("state") != "active":
            end_sessions(user)
    print(f"{len(users)} users read", flush=True)
    return {"next": token, "users": users}


def copy_of(user: State) -> State:
    roles = sorted(role["value"] for role in user["roles"])
    kept = {name: user.get(name) for name in ("userName", "externalId", "state", "permissions", "profile")}
    return kept | {"roles": roles}


def apply(event: State, users: State) -> None:
    """The event has the whole user after the change, so that repeats do no harm."""
    user = event.get("user")
    if user is None:
        return
    if event["type"] == "user.deleted":
        if (gone := users.pop(user["id"], None)) is not None:
            end_sessions(gone)
    elif event["type"] == "user.created" or user["id"] in users:
        if event["type"] == "user.blocked":
            end_sessions(user)
        users[user["id"]] = copy_of(user)


def follow() -> None:
    if STATE_FILE.exists():
        state = json.loads(STATE_FILE.read_text())
    else:
        state = reconcile({"users": {}})
        save(state)
    reconciled = time.monotonic()
    while True:
        something_new.clear()
        try:
            page = get("/events", after=state["next"], limit=1000, wait=WAIT)
            for event in page["events"]:
                apply(event, state["users"])
            state["next"] = page["next"]
        except TokenTooOld:
            page, state, reconciled = {"events": []}, reconcile(state), time.monotonic()
        if time.monotonic() > reconciled + RECONCILE_SECONDS:
            state, reconciled = reconcile(state), time.monotonic()
        save(state)
        if SECRETS and not page["events"]:
            something_new.wait(LOOK_EVERY)


def is_genuine(headers: Any, body: bytes) -> bool:
    """Standard Webhooks: the signature is of the id, the time and the body as it came."""
    event_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent.isdecimal() or abs(time.time() - int(sent)) > TOLERANCE:
        return False
    signed = f"{event_id}.{sent}.".encode() + body
    given = [one[3:] for one in headers.get("webhook-signature", "").split() if one.startswith("v1,")]
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in SECRETS]
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected)


class Webhook(BaseHTTPRequestHandler):
    """Says only that there is something new. The feed says what, in order and without gaps."""

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        genuine = is_genuine(self.headers, body)
        self.send_response(204 if genuine else 401)
        self.end_headers()
        if genuine:
            something_new.set()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    if SECRETS:
        server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Webhook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    follow()
