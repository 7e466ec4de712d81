import type { Action } from '../core/action.ts'
import { outsideBounds } from '../core/argument-bounds/outside-bounds.ts'
import { callsOf, type LeaseUse } from '../core/lease-use.ts'
import type { Lease } from '../core/lease.ts'
import { selects } from '../core/name-pattern.ts'
import { resourceInside } from '../core/resource.ts'
import type { Standing } from '../core/standing.ts'
import type { ToolAccess } from '../core/tool-access.ts'
import type { Asker, No } from './evaluation.ts'
import type { Guards } from './ports.ts'

const STANDING: Readonly<Record<Exclude<Standing, 'usable'>, Pick<No, 'message' | 'nextAction'>>> = {
  lease_not_active: {
    message: 'The lease is not active. Stop: its task is over, or nobody has approved it yet.',
    nextAction: 'request',
  },
  lease_expired: {
    message: 'The lease has expired. Ask for a new one if the task still goes on.',
    nextAction: 'request',
  },
  ancestor_closed: { message: 'The task that this one was part of is over. Stop.', nextAction: 'none' },
  frozen: { message: 'An operator has frozen this. Wait; nothing is lost.', nextAction: 'retry' },
  ancestor_waiting: {
    message: 'The task that this one is part of waits for a decision. Wait for it.',
    nextAction: 'retry',
  },
}

export const badStanding = (standing: Exclude<Standing, 'usable'>): No => ({ reason: standing, ...STANDING[standing] })

export const NO_LEASE: No = {
  reason: 'lease_not_active',
  message: 'This is no lease that is active here.',
  nextAction: 'request',
}

export function notYourTool(asker: Asker, action: Action): No | undefined {
  if (asker.tools === null || action.kind !== 'tool' || asker.tools.some((pattern) => selects(pattern, action.tool)))
    return undefined
  return {
    reason: 'not_your_tool',
    message: `This enforcement point does not speak for the tool ${action.tool}.`,
    nextAction: 'none',
  }
}

/** Inside every lease of the chain, each held to its own bounds: a child cannot slip out by leaving one away. */
export function outsideChain(chain: readonly Lease[], action: Action): No | undefined {
  return chain.reduce<No | undefined>((no, lease) => no ?? outsideLease(lease, action), undefined)
}

function outsideLease(lease: Lease, action: Action): No | undefined {
  if (action.kind === 'grant') {
    const entry = lease.access.find(({ grant }) => grant === action.grant)
    const allowed =
      entry?.actions.includes(action.action) === true &&
      (action.resource === null
        ? entry.resources.length === 0
        : entry.resources.some((outer) => resourceInside(action.resource ?? '', outer)))
    return allowed ? undefined : notInLease(`${action.action} on grant ${action.grant}`)
  }
  const entry = toolOf(lease, action.tool)
  if (!entry) return notInLease(`The tool ${action.tool}`)
  const violation = outsideBounds(entry, action.arguments)
  if (!violation) return undefined
  return {
    reason: 'argument_out_of_bounds',
    message: `${violation.message} (bound ${violation.bound} of the lease).`,
    nextAction: 'request',
  }
}

const notInLease = (what: string): No => ({
  reason: 'not_in_lease',
  message: `${what} is not in the lease of this task. Go on without it, or ask for a lease that holds it.`,
  nextAction: 'request',
})

const toolOf = (lease: Lease, tool: string): ToolAccess | undefined => lease.tools.find((entry) => entry.tool === tool)

interface Spent {
  readonly chain: readonly { readonly lease: Lease; readonly use: LeaseUse }[]
  readonly action: Action
  readonly counts: { readonly recent: number; readonly same: number }
  readonly guards: Guards
}

/** What is used up, and what looks like a loop. */
export function spent({ chain, action, counts, guards }: Spent): No | undefined {
  if (action.kind === 'tool') {
    for (const { lease, use } of chain) {
      const most = toolOf(lease, action.tool)?.max_calls ?? Infinity
      if (callsOf(use.byTool, action.tool) >= most) {
        return {
          reason: 'budget_exhausted',
          message: `The lease allows ${most} calls of ${action.tool}, and they are used.`,
          nextAction: 'request',
        }
      }
    }
  }
  if ((chain[0]?.use.allowed ?? 0) >= guards.callsPerLease) {
    return {
      reason: 'budget_exhausted',
      message: `A lease has ${guards.callsPerLease} calls, and they are used.`,
      nextAction: 'request',
    }
  }
  if (counts.recent >= guards.callsPerMinute) {
    return {
      reason: 'budget_exhausted',
      message: `A lease has ${guards.callsPerMinute} calls a minute. Wait a little.`,
      nextAction: 'retry',
    }
  }
  if (counts.same >= guards.repeats) {
    return {
      reason: 'loop_detected',
      message: `This very call was made ${counts.same} times already. Do something else.`,
      nextAction: 'none',
    }
  }
  return undefined
}
