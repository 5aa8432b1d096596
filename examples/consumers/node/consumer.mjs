// Keeps a copy of a tenant's users, with their states, roles and permissions, in a file. Node.js 18, nothing else.
//
// SCIM_URL          https://HOST/NAMESPACE/NAME
// SCIM_TOKEN        of a credential with access Read
// STATE_FILE        the copy: users by id, and the token by which the feed goes on
// WEBHOOK_SECRETS   whsec_…, several during a rotation; without them the feed alone tells of changes
// PORT              of the webhook, POST /
// RECONCILE_SECONDS how often all users are read: once a day by default

import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { SCIM_URL, SCIM_TOKEN, STATE_FILE, PORT } = process.env;
const SECRETS = (process.env.WEBHOOK_SECRETS ?? "").split(" ").filter(Boolean);
const RECONCILE_SECONDS = Number(process.env.RECONCILE_SECONDS ?? 86400);
const WAIT = SECRETS.length ? 0 : 30; // seconds that the feed holds a request; webhooks make it needless
const LOOK_EVERY = 60; // seconds, where webhooks say when to look: one may be late
const TOLERANCE = 300; // seconds between the sender's clock and this one
const EFFECTIVE = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User";

class TokenTooOld extends Error {}

async function get(path, parameters) {
  const url = `${SCIM_URL}${path}?${new URLSearchParams(parameters)}`;
  for (;;) {
    let answer;
    try {
      answer = await fetch(url, { headers: { authorization: `Bearer ${SCIM_TOKEN}` }, signal: AbortSignal.timeout(90_000) });
      if (answer.ok) return await answer.json();
    } catch {
      await sleep(5_000); // the server is away
      continue;
    }
    if (answer.status === 410) throw new TokenTooOld();
    if (answer.status !== 429 && answer.status !== 503) throw new Error(`${path}: ${answer.status}`);
    await sleep(1000 * Number(answer.headers.get("retry-after") ?? 5));
  }
}

// Users and token together, or neither: a crash repeats events, and loses none.
function save(state) {
  writeFileSync(`${STATE_FILE}.new`, JSON.stringify(state));
  renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

function endSessions(user) {
  console.log(`sessions of ${user.userName} ended`);
}

function copyOf({ userName, externalId = null, state, permissions, profile, roles }) {
  return { userName, externalId, state, permissions, profile, roles: roles.map((role) => role.value).sort() };
}

// Read all users. The token is taken first: what changes meanwhile is told again.
async function reconcile(before) {
  const { next } = await get("/events", { after: "now" });
  const users = {};
  for (let cursor = ""; cursor !== undefined; ) {
    const page = await get("/scim/v2/Users", { count: 1000, cursor, attributes: "userName,externalId,effective" });
    for (const { id, userName, externalId, [EFFECTIVE]: shown } of page.Resources)
      users[id] = copyOf({ ...shown, userName, externalId });
    cursor = page.nextCursor;
  }
  for (const [id, user] of Object.entries(before.users))
    if (user.state === "active" && users[id]?.state !== "active") endSessions(user);
  console.log(`${Object.keys(users).length} users read`);
  return { next, users };
}

// The event has the whole user after the change, so that repeats do no harm.
function apply({ type, user }, users) {
  if (user === undefined) return;
  const known = users[user.id];
  if (type === "user.deleted") {
    if (known) endSessions(known);
    delete users[user.id];
  } else if (type === "user.created" || known) {
    if (type === "user.blocked") endSessions(user);
    users[user.id] = copyOf(user);
  }
}

let wake = () => {};
let isNew = false;

function somethingNew() {
  isNew = true;
  wake();
}

async function untilSomethingNew(seconds) {
  if (isNew) return;
  const stop = new AbortController();
  const woken = new Promise((resolve) => (wake = resolve));
  await Promise.race([woken, sleep(1000 * seconds, undefined, { signal: stop.signal }).catch(() => {})]);
  stop.abort();
}

async function follow() {
  let state = existsSync(STATE_FILE) ? JSON.parse(readFileSync(STATE_FILE, "utf8")) : undefined;
  if (state === undefined) save((state = await reconcile({ users: {} })));
  let reconciled = Date.now();
  for (;;) {
    isNew = false;
    let events = [];
    try {
      const page = await get("/events", { after: state.next, limit: 1000, wait: WAIT });
      events = page.events;
      for (const event of events) apply(event, state.users);
      state.next = page.next;
    } catch (error) {
      if (!(error instanceof TokenTooOld)) throw error;
      state = await reconcile(state);
      reconciled = Date.now();
    }
    if (Date.now() > reconciled + 1000 * RECONCILE_SECONDS) {
      state = await reconcile(state);
      reconciled = Date.now();
    }
    save(state);
    if (SECRETS.length && events.length === 0) await untilSomethingNew(LOOK_EVERY);
  }
}

// Standard Webhooks: the signature is of the id, the time and the body as it came.
function isGenuine(headers, body) {
  const { "webhook-id": id = "", "webhook-timestamp": sent = "", "webhook-signature": signatures = "" } = headers;
  if (!/^[0-9]+$/.test(sent) || Math.abs(Date.now() / 1000 - Number(sent)) > TOLERANCE) return false;
  const given = signatures.split(" ").filter((one) => one.startsWith("v1,")).map((one) => Buffer.from(one.slice(3), "base64"));
  return SECRETS.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const expected = createHmac("sha256", key).update(`${id}.${sent}.`).update(body).digest();
    return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
  });
}

// Says only that there is something new. The feed says what, in order and without gaps.
function receive(request, response) {
  const parts = [];
  let size = 0;
  request.on("data", (part) => ((size += part.length) > 1 << 20 ? request.destroy() : parts.push(part)));
  request.on("end", () => {
    const genuine = isGenuine(request.headers, Buffer.concat(parts));
    response.writeHead(genuine ? 204 : 401).end();
    if (genuine) somethingNew();
  });
}

if (SECRETS.length) createServer(receive).listen(Number(PORT), "127.0.0.1");
await follow();
