/** One thing that a rule may read. `name` is dotted; `[]` after a name is a list of such things. */
export interface Fact {
  readonly name: string
  readonly type: string
  readonly says: string
}

const fact = (name: string, type: string, says: string): Fact => ({ name, type, says })

const recent = (span: 'hour' | 'day') => [
  fact(`agent.recent.${span}.leases`, 'int', `leases that it was given in the last ${span}`),
  fact(`agent.recent.${span}.denials`, 'int', `requests that it was denied in the last ${span}`),
  fact(`agent.recent.${span}.asks`, 'int', `requests that asked a human in the last ${span}`),
]

/**
 * What a rule `on: lease` may read: the environment of conditions and the table in docs/rules.md are made of this. The
 * values are core/facts.ts. A part of the broker that fills a fact later leaves it empty until then.
 */
export const LEASE_FACTS: readonly Fact[] = [
  fact('agent.id', 'string', 'the agent, as configured'),
  fact('agent.owner', 'string', 'the human answerable for it'),
  fact('agent.trust', 'string', '`low`, `medium` or `high`, as configured'),
  fact('agent.issuer', 'string', 'name of the configured issuer that proved who it is'),
  fact('agent.claims', 'map<string, dyn>', 'verified claims of that proof; guard with `has()`'),
  ...recent('hour'),
  ...recent('day'),
  fact('intent.purpose', 'string', 'one of the purposes of the agent, or `""`'),
  fact('intent.data_classes', 'list<string>', 'declared ones and those of the agent, grants and tools asked for'),
  fact(
    'intent.autonomy',
    'string',
    '`interactive`, `supervised` or `autonomous`: the worse of declared and configured',
  ),
  fact('intent.origin', 'string', '`user`, `agent`, `schedule` or `event`; left out it is `event`'),
  fact('declared.goal', 'string', 'free text'),
  fact('declared.purpose', 'string', 'as it was said, `""` where it was not'),
  fact('declared.data_classes', 'list<string>', 'as they were said'),
  fact('declared.autonomy', 'string', 'as it was said, `""` where it was not'),
  fact('declared.origin', 'string', 'as it was said, `""` where it was not'),
  fact('declared.on_behalf_of', 'string', 'free text'),
  fact('access[].grant', 'string', 'a grant that is asked for'),
  fact('access[].provider', 'string', 'its provider'),
  fact('access[].type', 'string', 'kind of credential, such as `jwt`'),
  fact('access[].actions', 'list<string>', 'what the lease may do there: asked for, or the whole of the grant'),
  fact('access[].resources', 'list<string>', 'on what, likewise'),
  fact('access[].labels', 'list<string>', 'labels of the grant'),
  fact('access[].broad', 'bool', 'the request named nothing narrower than the grant'),
  fact('tools[].tool', 'string', 'a tool that is asked for'),
  fact('tools[].labels', 'list<string>', 'its labels in the catalogue'),
  fact('tools[].bounded', 'list<string>', 'arguments that the request bounds'),
  fact('tools[].max_calls', 'int', 'how often it may be called; 0: without a limit'),
  fact('tools[].only', 'bool', 'arguments that no bound names are refused'),
  fact('ttl', 'int', 'seconds, as asked'),
  fact('task.id', 'string', "the caller's name for the task"),
  fact('task.open_leases', 'int', 'leases of this agent for it that are open'),
  fact('task.outcomes', 'list<string>', 'how those that are closed ended, newest first'),
  fact('parent.depth', 'int', '0: the lease is a root, and the rest of `parent` is empty'),
  fact('parent.agent', 'string', 'agent of the lease that this one descends from'),
  fact('parent.purpose', 'string', 'its purpose'),
  fact('parent.data_classes', 'list<string>', 'its data classes'),
  fact('parent.risk', 'int', 'its score'),
  fact('parent.children', 'int', 'how many children it has'),
  fact('now.hour', 'int', '0 to 23, UTC'),
  fact('now.weekday', 'int', '1 (Monday) to 7 (Sunday), UTC'),
  fact('context', 'map<string, dyn>', 'free JSON that the caller sent; guard with `has()`'),
  fact('history.labels', 'list<string>', 'labels that the task has met so far'),
  fact('history.calls', 'map<string, int>', 'calls that were allowed, by tool; guard with `has()`'),
  fact('history.last', 'list<string>', 'the last ten tools that were called, newest first'),
  fact('history.repeats', 'int', 'how often this very call was allowed already'),
  fact('history.denials', 'int', 'denials in a row'),
]

/** What a rule `on: action` may read in addition. */
export const ACTION_FACTS: readonly Fact[] = [
  fact('tool.name', 'string', 'the tool that is to be called'),
  fact('tool.labels', 'list<string>', 'its labels'),
  fact('arguments', 'map<string, dyn>', 'its arguments; guard with `has()`'),
  fact('resource', 'string', 'what it acts on'),
  fact('lease.risk', 'int', 'score of the lease'),
  fact('lease.age', 'int', 'seconds since it became active'),
  fact('lease.remaining', 'int', 'seconds until it ends'),
  fact('lease.address_changed', 'bool', 'the caller has another address than at the start'),
]
