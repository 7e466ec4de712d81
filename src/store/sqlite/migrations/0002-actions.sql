-- What a lease has used: decisions on it, and allowed calls by tool, of its own and of its descendants.
create table lease_use (
  lease text primary key references lease (id),
  allowed integer not null,
  denied integer not null,
  asked integer not null,
  denials_in_row integer not null,
  by_tool text not null check (json_valid(by_tool)),
  -- Of a root: what its tree has met. JSON: labels, calls by tool, the last tools.
  history text not null check (json_valid(history))
) strict, without rowid;

-- Calls that were allowed. Each caller is told so once.
create table call (
  lease text not null references lease (id),
  call_id text not null,
  at integer not null,
  digest text not null,
  tool text not null,
  callers text not null check (json_valid(callers)),
  primary key (lease, call_id)
) strict, without rowid;

create index call_by_time on call (lease, at);
create index call_by_digest on call (lease, digest);

-- Tokens that may evaluate and report for one lease, and nothing else. Only their hashes are kept.
create table evaluate_token (
  hash text primary key,
  lease text not null references lease (id),
  expires_at integer not null
) strict, without rowid;

-- An approval of an action belongs to a tree and to what it is on.
alter table approval add column root text;
alter table approval add column resource text;
create index approval_of_action on approval (root, resource, created_at) where kind = 'action';
create index approval_of_lease on approval (lease) where kind = 'action' and state = 'pending';
drop index approval_abandon;
create index approval_abandon on approval (credential) where state = 'pending' and credential is not null;
create index approval_lapsing on approval (expires_at) where state = 'pending' and kind <> 'lease';

-- Answers of the decision point that are given again to who retries its own question.
create table evaluation_answer (
  scope text not null,
  key text not null,
  digest text not null,
  answer text not null check (json_valid(answer)),
  expires_at integer not null,
  primary key (scope, key)
) strict, without rowid;

create index evaluation_answer_by_expiry on evaluation_answer (expires_at);

-- The labels of an instance's last leases go on with its next one.
create index lease_ended on lease (agent, closed_at) where closed_at is not null;
