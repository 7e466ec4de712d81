import { createHash, randomBytes } from 'node:crypto'
import { formatBearerToken } from '../../src/core/bearer-token.ts'
import type { Lease } from '../../src/core/lease.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { sampleCredential, sampleLease } from './sample-rows.ts'
import type { ScriptedUpstream } from './scripted-upstream.ts'

/** A lease of a tree, and what its agent would hold. */
export interface Planted {
  readonly lease: Lease
  readonly token: string
}

interface Planting {
  readonly now: number
  readonly ttlMs?: (depth: number) => number
  /** Who makes a credential for it; null: it is only signed for. */
  readonly upstream?: (at: number) => ScriptedUpstream | null
}

/** How many leases each level has; the first is the root's. Each lease of a level has as many children as the next holds for it. */
export type Shape = readonly number[]

/** Leases that would have been delegated, root first, a level at a time: as rows, since nothing delegates yet. */
export async function plant(store: SqliteStore, shape: Shape, planting: Planting): Promise<readonly Planted[]> {
  const { now, ttlMs = () => 600_000, upstream = () => null } = planting
  const planted: Planted[] = []
  let above: readonly Planted[] = []
  for (const [depth, count] of shape.entries()) {
    const level = Array.from({ length: count }, (_, at): Planted => {
      const parent = above[Math.floor((at * above.length) / count)]?.lease
      const token = formatBearerToken('l', randomBytes(32))
      const lease = sampleLease({
        agent: depth === 0 ? 'support-bot' : 'other-bot',
        owner: depth === 0 ? 'dana@example.com' : 'otto@example.com',
        createdAt: now,
        activatedAt: now,
        expiresAt: now + ttlMs(depth),
        maxExpiresAt: now + 2 * ttlMs(depth),
        tokenHash: createHash('sha256').update(token).digest('hex'),
        // Its first use is on record already: using it again commits nothing.
        tokenUsed: true,
        depth,
        ...(parent && { parent: parent.id, root: parent.root }),
      })
      return { lease, token }
    })
    planted.push(...level)
    above = level
  }
  for (let from = 0; from < planted.length; from += 500)
    await store.commit((tx) => {
      for (const { lease } of planted.slice(from, from + 500)) tx.insertLease(lease)
    })
  await Promise.all(
    planted.map(({ lease }, at) => {
      const maker = upstream(at)
      return maker ? mintAt(store, maker, lease) : store.commit((tx) => tx.insertCredential(signed(lease)))
    }),
  )
  return planted
}

const times = ({ createdAt, expiresAt, depth }: Lease) => ({
  issuedAt: createdAt,
  notAfter: expiresAt,
  expiresAt,
  depth,
})
const signed = (lease: Lease) => sampleCredential(lease, times(lease))

async function mintAt(store: SqliteStore, upstream: ScriptedUpstream, lease: Lease): Promise<void> {
  const { name, traits } = upstream
  const handle = `h-${lease.id}`
  const body = { token: traits.token ?? '', handle, not_after: lease.expiresAt, deadline: lease.expiresAt }
  await upstream.answer('/mint', body, new AbortController().signal)
  const over = {
    provider: name,
    target: `${name}.test`,
    grant: `${name}-warehouse`,
    type: 'vault-secret',
    handle,
  } as const
  await store.commit((tx) => {
    tx.insertCredential(sampleCredential(lease, { ...times(lease), ...over, hardExpiresAt: lease.expiresAt }))
  })
}
