import { intersect, narrow } from '../core/access.ts'
import type { ApprovedNarrowing } from '../core/approval.ts'
import type { Lease } from '../core/lease.ts'
import { toolInside, type ToolAccess } from '../core/tool-access.ts'
import type { FieldError } from './refusal.ts'

/** What of a lease can be narrowed. */
type Scope = Pick<Lease, 'access' | 'tools' | 'ttlSeconds'>

/**
 * The lease, cut by one approver. Of several, each cuts what the one before has left: what comes out is inside what
 * every one of them agreed to.
 */
export function cutBy<L extends Scope>(lease: L, { access, tools, ttlSeconds }: ApprovedNarrowing): L {
  return {
    ...lease,
    ...(access && {
      access: lease.access.flatMap((entry) => {
        const cut = access.find(({ grant }) => grant === entry.grant)
        return (cut && intersect(entry, cut)) ?? []
      }),
    }),
    ...(tools && { tools: lease.tools.flatMap((entry) => narrowerTool(entry, tools) ?? []) }),
    ttlSeconds: Math.min(ttlSeconds ?? lease.ttlSeconds, lease.ttlSeconds),
  }
}

/** Where neither entry is inside the other nobody agreed to both, so the tool is left out. */
function narrowerTool(entry: ToolAccess, cuts: readonly ToolAccess[]): ToolAccess | undefined {
  const cut = cuts.find(({ tool }) => tool === entry.tool)
  if (!cut || toolInside(cut, entry)) return cut
  return toolInside(entry, cut) ? entry : undefined
}

/** Everything in an approver's narrowing that reaches outside what was asked. */
export function widerThan(cut: ApprovedNarrowing, lease: Scope): readonly FieldError[] {
  const access = (cut.access ?? []).flatMap((entry, at): readonly FieldError[] => {
    const outer = lease.access.find(({ grant }) => grant === entry.grant)
    return outer && narrow(entry, outer).ok
      ? []
      : [{ path: `/narrow/access/${at}`, message: 'is not inside what was asked' }]
  })
  const tools = (cut.tools ?? []).flatMap((entry, at): readonly FieldError[] =>
    lease.tools.some((outer) => toolInside(entry, outer))
      ? []
      : [{ path: `/narrow/tools/${at}`, message: 'is not inside what was asked' }],
  )
  const longer = cut.ttlSeconds !== null && cut.ttlSeconds > lease.ttlSeconds
  const nothing = isEmpty({ access: cut.access ?? lease.access, tools: cut.tools ?? lease.tools })
  return [
    ...access,
    ...tools,
    ...(longer ? [{ path: '/narrow/ttl', message: `is more than the ${lease.ttlSeconds} s that were asked` }] : []),
    ...(nothing ? [{ path: '/narrow', message: 'leaves nothing; deny it instead' }] : []),
  ]
}

/** Whether there is nothing to use: neither access nor tools. */
export const isEmpty = ({
  access,
  tools,
}: {
  readonly access: readonly unknown[]
  readonly tools: readonly unknown[]
}): boolean => access.length + tools.length === 0
