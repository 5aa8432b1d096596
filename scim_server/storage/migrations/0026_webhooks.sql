-- usable from: 10 (sqlite: 11)

-- How far each webhook is, who sends to it, and how it goes: see `tables/webhooks.py`.
CREATE TABLE webhooks (
    tenant        {text}    NOT NULL,
    webhook       {text}    NOT NULL,
    revision      {integer} NOT NULL, -- of the newest configuration that has it
    types         {text}    NOT NULL, -- JSON: of the events that it is for
    position      {integer} NOT NULL, -- what became of the events up to here stands in deliveries
    owner         {text},             -- the server that sends to it
    beat          {integer} NOT NULL, -- moves as long as that server lives
    disabled      {text},             -- digest of the configuration whose receiver wants no more events
    failing_since {time},
    last_delivery {time},
    last_failure  {time},
    last_error    {text},
    PRIMARY KEY (tenant, webhook)
){table_end};

-- One row for each event that a webhook was sent, or is to be sent once more. What was sent stands in events.
CREATE TABLE deliveries (
    tenant   {text}    NOT NULL,
    webhook  {text}    NOT NULL,
    position {integer} NOT NULL, -- of the event
    event_id {id}      NOT NULL,
    type     {text}    NOT NULL,
    subject  {text}    NOT NULL, -- id of the user or group: its events keep their order; or empty
    time     {time}    NOT NULL, -- of the event
    state    {text}    NOT NULL, -- pending, delivered or failed
    attempts {integer} NOT NULL,
    since    {time}    NOT NULL, -- it is given up three days after this
    next_at  {time},             -- of a pending one: not to be sent before
    tried    {time},
    status   {integer},          -- of the last answer
    error    {text},
    PRIMARY KEY (tenant, webhook, position)
){table_end};
CREATE INDEX deliveries_pending ON deliveries (tenant, webhook, position) WHERE state = 'pending';
CREATE INDEX deliveries_subject ON deliveries (tenant, webhook, subject, position) WHERE state = 'pending';
CREATE INDEX deliveries_next ON deliveries (tenant, webhook, next_at) WHERE state = 'pending';
CREATE INDEX deliveries_event ON deliveries (tenant, event_id);
CREATE INDEX deliveries_time ON deliveries (tenant, time);

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('webhooks', 'webhooks', '1000 3 1'),
    ('deliveries', 'deliveries', '1000000000 10000 3000 1'),
    ('deliveries', 'deliveries_pending', '1000000 1000 300 1'),
    ('deliveries', 'deliveries_subject', '1000000 1000 300 2 1'),
    ('deliveries', 'deliveries_next', '1000000 1000 300 1'),
    ('deliveries', 'deliveries_event', '1000000000 10000 3'),
    ('deliveries', 'deliveries_time', '1000000000 10000 1');
