import { sameScope, type Scope } from '../core/mark.ts'
import { samePerson } from '../core/person.ts'
import { err, ok, type Result } from '../core/result.ts'
import { parseId } from '../core/id.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import type { Reads } from './store-port.ts'

/** A scope as it was asked for. A task may be named without the agent that it belongs to. */
export type AskedScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'agent' | 'owner'; readonly value: string }
  | { readonly kind: 'lease' | 'provider' | 'grant'; readonly value: string }
  | { readonly kind: 'task'; readonly value: string; readonly agent: string | null }

/** The scope, if there is something that it can cover: a stop of a mistyped name would look like one that holds. */
export function resolveScope(broker: Pick<Broker, 'policy'>, reads: Reads, asked: AskedScope): Result<Scope, Refusal> {
  const { catalogue } = broker.policy()
  switch (asked.kind) {
    case 'all':
      return ok(asked)
    case 'agent':
      return known(asked, catalogue.agents.has(asked.value) || reads.wasAgent(asked.value))
    case 'owner': {
      const owns = [...catalogue.agents.values()].some(({ owner }) => samePerson(owner, asked.value))
      // Nobody's agents any more, and of nothing that is open: there is only a stop of before that could be lifted.
      const stopped = reads.marks().some(({ scope }) => sameScope(scope, asked))
      return known(asked, owns || stopped || reads.liveUnder(asked, 1).length > 0)
    }
    case 'lease': {
      const id = parseId('lse', asked.value)
      return known(asked, id !== undefined && reads.lease(id) !== undefined)
    }
    case 'provider':
      return known(
        asked,
        [...catalogue.grants.values()].some(({ provider }) => provider === asked.value),
      )
    case 'grant':
      return known(asked, catalogue.grants.has(asked.value))
    case 'task':
      return taskOf(reads, asked)
  }
}

const known = (scope: Scope, is: boolean): Result<Scope, Refusal> => (is ? ok(scope) : err({ reason: 'not-found' }))

function taskOf(reads: Reads, { value, agent }: Extract<AskedScope, { kind: 'task' }>): Result<Scope, Refusal> {
  const agents = reads.agentsOfTask(value)
  const mine = agent === null ? agents : agents.filter((each) => each === agent)
  const [only] = mine
  if (only === undefined) return err({ reason: 'not-found' })
  if (mine.length === 1) return ok({ kind: 'task', value, agent: only })
  return err({
    reason: 'conflict',
    detail: `${mine.length} agents have a task ${value}. Say whose you mean: agent.`,
    state: null,
    agents: mine,
  })
}
