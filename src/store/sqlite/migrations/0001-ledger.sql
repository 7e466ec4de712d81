create table lease (
  id text primary key,
  state text not null check (state in ('pending', 'active', 'closing', 'closed')),
  fence integer not null,
  task text not null,
  agent text not null,
  owner text not null,
  root_agent text not null,
  instance text not null,
  -- It is there before its children, and neither changes: there can be no cycle.
  parent text references lease (id) check (parent <> id),
  root text not null,
  depth integer not null,
  created_at integer not null,
  activated_at integer,
  expires_at integer not null,
  max_expires_at integer,
  ttl_seconds integer not null,
  heartbeat_seconds integer,
  silent_at integer,
  token_hash text not null,
  token_used integer not null check (token_used in (0, 1)),
  tier text not null,
  approval text,
  closed_at integer,
  closed_by text,
  outcome text,
  reason text,
  -- What only people and rules read: identity, intent, context, access, tools, decision. JSON.
  detail text not null check (json_valid(detail))
) strict, without rowid;

create unique index lease_by_token on lease (token_hash);
-- With the outcome in it, what became of a task is read from the index alone.
create index lease_by_agent_task on lease (agent, task, created_at, outcome);
create index lease_by_task on lease (task, root_agent);
create index lease_by_parent on lease (parent, state) where parent is not null;
create index lease_by_created on lease (created_at, id);
-- What is open, in the order of lists: among a million that have ended it would be looked for in vain.
create index lease_pending on lease (created_at, id) where state = 'pending';
create index lease_active on lease (created_at, id) where state = 'active';
create index lease_closing on lease (created_at, id) where state = 'closing';
-- The sweep looks only at what can still expire, so what has ended costs it nothing.
create index lease_due on lease (expires_at) where state in ('pending', 'active');
-- Every request counts what is open of its task. With the state in it, the index alone answers that.
create index lease_live on lease (agent, task, state) where state in ('pending', 'active');
create index lease_live_owner on lease (owner collate nocase) where state in ('pending', 'active');
create index lease_silent on lease (silent_at) where state = 'active' and silent_at is not null;

-- Leases that have ended while children of theirs were open: the sweep follows them down, also after a crash.
create table cascade (
  lease text primary key references lease (id)
) strict, without rowid;

create table credential (
  id text primary key,
  lease text not null references lease (id),
  grant_name text not null,
  provider text not null,
  -- Whoever takes it back upstream; null for a credential that is only signed.
  target text,
  handle text not null,
  depth integer not null,
  boot text not null,
  sealed text,
  type text not null,
  state text not null check (state in ('minting', 'active', 'revoking', 'closed')),
  fence integer not null,
  outcome text,
  issued_at integer not null,
  not_after integer not null,
  expires_at integer not null,
  hard_expires_at integer,
  revocation text not null,
  offline_until integer,
  effective_after integer,
  revoking_at integer,
  confirmed_at integer,
  attempts integer not null,
  next_attempt_at integer,
  stuck integer not null check (stuck in (0, 1)),
  last_error text,
  fingerprint text not null
) strict, without rowid;

create index credential_by_lease on credential (lease, id);
create index credential_by_issued on credential (issued_at, id) where target is not null;
-- The closer's queue: one look a target, whatever else the table holds.
create index credential_due on credential (target, depth desc, next_attempt_at) where state = 'revoking';
-- What somebody may have to look at. Not what was confirmed and only spreads, nor what ends by itself and nothing else.
create index credential_overdue on credential (revoking_at)
  where state = 'revoking' and (attempts = 0 or last_error is not null);
create index credential_minting on credential (issued_at) where state = 'minting';
-- In the order of the list of credentials.
create index credential_stuck on credential (id) where stuck = 1;
create index credential_revoking on credential (id) where state = 'revoking';
create index credential_active on credential (provider, grant_name) where state = 'active';
-- What a target has to be told to refuse until it has ended by itself.
create index credential_ended on credential (target, not_after) where target is not null and state in ('revoking', 'closed');

create table approval (
  id text primary key,
  kind text not null,
  state text not null check (state in ('pending', 'approved', 'denied', 'expired', 'cancelled', 'used')),
  fence integer not null,
  lease text not null references lease (id),
  credential text references credential (id),
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
create index approval_abandon on approval (credential, expires_at) where state = 'pending' and credential is not null;

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
  -- No reference: a signed credential is stored later in the same commit.
  credential text,
  expires_at integer not null,
  primary key (scope, key)
) strict, without rowid;

create index idempotency_by_expiry on idempotency (expires_at);

-- Freezes, and revocations that stick. Lifted ones are kept for those who ask again.
create table mark (
  id text primary key,
  kind text not null check (kind in ('freeze', 'revoked')),
  scope_kind text not null,
  scope_value text not null,
  scope_agent text not null,
  since integer not null,
  by text not null,
  reason text not null,
  lifted_at integer,
  lifted_by text,
  lift_reason text
) strict, without rowid;

create unique index mark_in_force on mark (kind, scope_kind, scope_value, scope_agent) where lifted_at is null;

-- What the broker knows of itself: the clock that was believed, the configuration that was enforced.
create table meta (
  name text primary key,
  value text not null
) strict, without rowid;
