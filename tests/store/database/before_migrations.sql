-- A file of 0.1.0 from before there were migrations, as `sqlite3 trackrev.db .dump` shows it.
BEGIN TRANSACTION;
CREATE TABLE api_keys (
	key_hash TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (key_hash), 
	FOREIGN KEY(workspace) REFERENCES workspaces (id)
);
CREATE TABLE charges (
	"key" TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	account TEXT NOT NULL, 
	livemode BOOLEAN NOT NULL, 
	charge TEXT NOT NULL, 
	payer TEXT NOT NULL, 
	payment TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	gross_minor BIGINT NOT NULL, 
	net_minor BIGINT NOT NULL, 
	fee_minor BIGINT, 
	created_at BIGINT NOT NULL, 
	payment_version BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	rules_version BIGINT NOT NULL, 
	posted_at BIGINT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE entries (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	entry_id TEXT NOT NULL, 
	line_id TEXT NOT NULL, 
	charge_key TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	livemode BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	source TEXT NOT NULL, 
	link TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	currency TEXT NOT NULL, 
	usd_minor BIGINT, 
	rate TEXT, 
	rate_date TEXT, 
	occurred_at BIGINT NOT NULL, 
	retracts TEXT, 
	cause TEXT NOT NULL, 
	posted_at BIGINT NOT NULL, 
	UNIQUE (entry_id), 
	FOREIGN KEY(charge_key) REFERENCES charges ("key")
);
CREATE TABLE lines (
	line_id TEXT NOT NULL, 
	charge_key TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	livemode BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	source TEXT NOT NULL, 
	link TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	currency TEXT NOT NULL, 
	usd_minor BIGINT, 
	rate TEXT, 
	rate_date TEXT, 
	occurred_at BIGINT NOT NULL, 
	entry_id TEXT NOT NULL, 
	PRIMARY KEY (line_id), 
	FOREIGN KEY(charge_key) REFERENCES charges ("key")
);
CREATE TABLE links (
	slug TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	url TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (slug), 
	FOREIGN KEY(workspace) REFERENCES workspaces (id)
);
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema_version',1);
CREATE TABLE positions (
	topic TEXT NOT NULL, 
	partition BIGINT NOT NULL, 
	"offset" BIGINT NOT NULL, 
	PRIMARY KEY (topic, partition)
);
CREATE TABLE stripe_connections (
	workspace TEXT NOT NULL, 
	account TEXT NOT NULL, 
	livemode BOOLEAN NOT NULL, 
	api_key TEXT NOT NULL, 
	webhook_secrets TEXT NOT NULL, 
	api_base TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (workspace, account), 
	FOREIGN KEY(workspace) REFERENCES workspaces (id)
);
CREATE TABLE visits (
	workspace TEXT NOT NULL, 
	day BIGINT NOT NULL, 
	channel TEXT NOT NULL, 
	link TEXT NOT NULL, 
	visitor TEXT NOT NULL, 
	clicks BIGINT NOT NULL, 
	landed BOOLEAN NOT NULL, 
	version BIGINT NOT NULL, 
	PRIMARY KEY (workspace, day, channel, link, visitor)
)
 WITHOUT ROWID

;
CREATE TABLE workspaces (
	id TEXT NOT NULL, 
	domain TEXT NOT NULL, 
	cookie_domain TEXT NOT NULL, 
	time_zone TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	email_secret TEXT NOT NULL, 
	click_secret TEXT NOT NULL, 
	identify_secret TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX charges_by_id ON charges (workspace, charge, livemode);
CREATE INDEX charges_by_time ON charges (workspace, livemode, created_at);
CREATE INDEX ix_api_keys_workspace ON api_keys (workspace);
CREATE INDEX ix_links_workspace ON links (workspace);
CREATE INDEX lines_by_time ON lines (workspace, livemode, occurred_at);
CREATE INDEX ix_lines_charge_key ON lines (charge_key);
CREATE INDEX ix_entries_charge_key ON entries (charge_key);
CREATE INDEX entries_by_workspace ON entries (workspace, livemode, seq);
DELETE FROM "sqlite_sequence";
COMMIT;
