-- usable from: 10 (sqlite: 11)

-- The highest position of an event that is kept no more: who has read less than that has missed something.
ALTER TABLE tenants ADD COLUMN events_forgotten {integer} NOT NULL DEFAULT 0;
