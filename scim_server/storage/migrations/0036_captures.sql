-- usable from: 10 (sqlite: 11)

-- Requests and answers of a tenant whose debug capture is on, redacted.
CREATE TABLE captures (
    tenant  {text} NOT NULL,
    time    {time} NOT NULL,
    id      {id}   NOT NULL,
    capture {text} NOT NULL, -- JSON
    PRIMARY KEY (tenant, time, id)
){table_end};

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('captures', 'captures', '10000 500 2 1');
