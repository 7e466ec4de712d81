import type { ApprovalSubject } from '../client/resources.ts'
import { printable } from './printable.ts'

type Access = ApprovalSubject['access'][number]
type Tool = ApprovalSubject['tools'][number]

/** `refunds-api: refund:create on orders/1234`: one line a grant. */
export const describeAccess = (access: readonly Access[]): readonly string[] =>
  access.map(({ grant, actions, resources }) =>
    printable(`${grant}: ${listed(actions)}${resources.length === 0 ? '' : ` on ${listed(resources)}`}`),
  )

/** `refunds.create: amount {"max":50}, at most 1 call`: one line a tool, its bounds as they were written. */
export const describeTools = (tools: readonly Tool[]): readonly string[] =>
  tools.map(({ tool, arguments: bounds, max_calls, only }) => {
    const bounded = Object.entries(bounds).map(([name, bound]) => `${name} ${JSON.stringify(bound)}`)
    const calls = max_calls === null ? [] : [`at most ${max_calls} call${max_calls === 1 ? '' : 's'}`]
    const said = [...bounded, ...(only ? ['no other argument'] : []), ...calls]
    return printable(`${tool}: ${said.length === 0 ? 'any arguments' : said.join(', ')}`)
  })

const listed = (names: readonly string[]): string => (names.length === 0 ? 'everything' : names.join(', '))
