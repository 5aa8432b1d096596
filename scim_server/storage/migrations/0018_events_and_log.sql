-- usable from: 10 (sqlite: 11)

-- What applications are told, in order: see `tables/events.py`, which says how positions are drawn and read.
-- only: postgresql
CREATE SEQUENCE event_positions;
-- only: postgresql
SELECT setval('event_positions', 1);
-- only: postgresql
CREATE TABLE events (
    tenant   {text} NOT NULL,
    position bigint NOT NULL,
    id       {id}   NOT NULL,
    type     {text} NOT NULL,
    time     {time} NOT NULL,
    user_id  {id}, -- whom it is about
    group_id {id},
    payload  text   NOT NULL, -- JSON without id and sequence
    PRIMARY KEY (tenant, position)
);
-- only: postgresql
CREATE FUNCTION event_floor_class(tenant text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtext(tenant) & 2147483647
$$;
-- only: postgresql
-- One statement after the other: what was drawn is read before the floors are.
CREATE FUNCTION safe_event_position(tenant text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    drawn bigint;
    lowest_floor bigint;
BEGIN
    SELECT last_value INTO drawn FROM event_positions;
    -- A lock's number holds the lowest 31 bits of the floor, which is at most `drawn`.
    SELECT min(drawn - ((drawn - objid::bigint) & 2147483647)) INTO lowest_floor
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND classid = event_floor_class(tenant)::oid
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND ((drawn - objid::bigint) & 2147483647) < 1073741824; -- one that was taken since is above `drawn`
    RETURN least(drawn, lowest_floor);
END
$$;
-- only: sqlite
CREATE TABLE events (
    tenant   {text} NOT NULL,
    position {integer} PRIMARY KEY AUTOINCREMENT,
    id       {id}   NOT NULL,
    type     {text} NOT NULL,
    time     {time} NOT NULL,
    user_id  {id},
    group_id {id},
    payload  {text} NOT NULL
) STRICT;
-- only: sqlite
CREATE INDEX events_position ON events (tenant, position);
CREATE INDEX events_user ON events (tenant, user_id, position) WHERE user_id IS NOT NULL;

-- Every request that writes, and every refused one.
CREATE TABLE sync_log (
    tenant        {text}    NOT NULL,
    time          {time}    NOT NULL,
    id            {id}      NOT NULL,
    request_id    {text}    NOT NULL,
    credential    {text}    NOT NULL,
    operation     {text}    NOT NULL,
    resource_type {text}    NOT NULL,
    resource_id   {text},
    resource_name {text},
    status        {integer} NOT NULL,
    line          {text}    NOT NULL, -- JSON of the other columns that people see
    PRIMARY KEY (tenant, time, id)
){table_end};
CREATE INDEX sync_log_resource ON sync_log (tenant, resource_id, time) WHERE resource_id IS NOT NULL;
CREATE INDEX sync_log_failures ON sync_log (tenant, time) WHERE status >= 400;

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('events', 'events_position', '1000000000 10000 1'),
    ('events', 'events_user', '1000000000 10000 10 1'),
    ('sync_log', 'sync_log', '1000000000 10000 2 1'),
    ('sync_log', 'sync_log_failures', '1000000 1000 2'),
    ('sync_log', 'sync_log_resource', '1000000000 10000 10 1');
