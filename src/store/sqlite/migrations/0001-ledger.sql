create table lease (
  id text primary key,
  state text not null check (state in ('pending', 'active', 'closing', 'closed')),
  fence integer not null,
  task text not null,
  agent text not null,
  owner text not null,
  instance text not null,
  parent text references lease (id),
  root text not null,
  created_at integer not null,
  activated_at integer,
  expires_at integer not null,
  max_expires_at integer,
  ttl_seconds integer not null,
  heartbeat_seconds integer,
  token_hash text not null,
  tier text not null,
  approval text,
  closed_at integer,
  outcome text,
  reason text,
  -- What only people and rules read: identity, intent, context, access, tools, decision. JSON.
  detail text not null check (json_valid(detail))
) strict, without rowid;

create unique index lease_by_token on lease (token_hash);
-- With the outcome in it, what became of a task is read from the index alone.
create index lease_by_agent_task on lease (agent, task, created_at, outcome);
create index lease_by_owner on lease (owner, created_at);
create index lease_by_parent on lease (parent) where parent is not null;
create index lease_by_created on lease (created_at, id);
-- The sweep looks only at what can still expire, so what has ended costs it nothing.
create index lease_due on lease (expires_at) where state in ('pending', 'active');
-- Every request counts what is open of its task. With the state in it, the index alone answers that.
create index lease_live on lease (agent, task, state) where state in ('pending', 'active');

create table credential (
  id text primary key,
  lease text not null references lease (id),
  grant_name text not null,
  provider text not null,
  type text not null,
  state text not null check (state in ('minting', 'active', 'revoking', 'closed')),
  fence integer not null,
  outcome text,
  issued_at integer not null,
  expires_at integer not null,
  hard_expires_at integer,
  revocation text not null,
  offline_until integer,
  effective_after integer,
  confirmed_at integer,
  attempts integer not null,
  next_attempt_at integer,
  stuck integer not null check (stuck in (0, 1)),
  last_error text,
  fingerprint text not null
) strict, without rowid;

create index credential_by_lease on credential (lease, id);

create table approval (
  id text primary key,
  kind text not null,
  state text not null check (state in ('pending', 'approved', 'denied', 'expired', 'cancelled', 'used')),
  fence integer not null,
  lease text not null references lease (id),
  agent text not null,
  owner text not null,
  task text not null,
  created_at integer not null,
  expires_at integer not null,
  digest text not null,
  needed integer not null,
  denied_by text,
  reason text,
  -- The frozen subject, the asks it answers, and the votes. JSON.
  detail text not null check (json_valid(detail))
) strict, without rowid;

create index approval_by_created on approval (created_at, id);
create index approval_pending on approval (agent) where state = 'pending';

create table audit (
  stream text not null,
  seq integer not null,
  hash text not null,
  -- The whole record but its hash, in the canonical form (RFC 8785) that the hash covers.
  record text not null,
  primary key (stream, seq)
) strict, without rowid;

create table idempotency (
  scope text not null,
  key text not null,
  digest text not null,
  lease text not null references lease (id),
  expires_at integer not null,
  primary key (scope, key)
) strict, without rowid;

create index idempotency_by_expiry on idempotency (expires_at);
