import type { Credential } from '../core/credential.ts'
import type { JsonObject } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import type { Broker, LocalProvider } from './ports.ts'
import type { Plan, UpstreamMinted, UpstreamOrder, UpstreamProvider } from './provider-port.ts'
import type { Refusal } from './refusal.ts'
import type { ResolvedAccess } from './resolve-access.ts'
import type { Transaction } from './store-port.ts'

/** A credential on its way out: the row to store, and the secret that leaves only after the commit. */
export interface Minting {
  readonly credential: Credential
  readonly value: Secret<JsonObject>
}

/** One entry of an order, planned: nothing exists yet, and its row is known. */
export type Planned =
  | {
      readonly kind: 'local'
      readonly provider: LocalProvider
      readonly lease: Lease
      readonly entry: ResolvedAccess
      readonly row: Credential
    }
  | {
      readonly kind: 'upstream'
      readonly provider: UpstreamProvider
      readonly order: UpstreamOrder
      readonly plan: Plan
      /** In `minting`, with the handle that was chosen for it. */
      readonly row: Credential
    }

interface Order {
  readonly lease: Lease
  readonly entries: readonly ResolvedAccess[]
  readonly now: Instant
}

/** Plans every entry, or says why one cannot be narrowed to what was asked. Calls nobody. */
export function planMint(broker: Broker, { lease, entries, now }: Order): Result<readonly Planned[], Refusal> {
  const planned: Planned[] = []
  for (const entry of entries) {
    const { grant, access } = entry
    const provider = broker.providers().get(grant.provider)
    if (!provider) throw new Error(`No provider ${grant.provider} is running`)
    const credential = broker.ids.credential()
    const common = { lease, grant, id: credential, boot: broker.boot, now }
    if (provider.kind === 'local') {
      const row = newRow({
        ...common,
        target: null,
        handle: credential,
        notAfter: lease.expiresAt,
        revocation: 'immediate',
      })
      planned.push({ kind: 'local', provider, lease, entry, row })
      continue
    }
    const order: UpstreamOrder = { credential, lease, grant, access, now }
    const plan = provider.plan(order)
    if (!plan.ok) return err({ reason: 'invalid-request', detail: `${plan.error.detail.replace(/\.$/, '')}.` })
    planned.push({ kind: 'upstream', provider, order, plan: plan.value, row: newRow({ ...common, ...plan.value }) })
  }
  return ok(planned)
}

interface NewRow extends Pick<Credential, 'id' | 'target' | 'handle' | 'notAfter' | 'revocation' | 'boot'> {
  readonly lease: Lease
  readonly grant: ResolvedAccess['grant']
  readonly now: Instant
}

function newRow({ lease, grant, now, id, target, handle, notAfter, revocation, boot }: NewRow): Credential {
  return {
    id,
    lease: lease.id,
    grant: grant.name,
    provider: grant.provider,
    target,
    handle,
    depth: lease.depth,
    boot,
    sealed: null,
    type: grant.type,
    state: 'minting',
    fence: 0,
    outcome: null,
    issuedAt: now,
    notAfter,
    expiresAt: lease.expiresAt,
    hardExpiresAt: null,
    revocation,
    offlineUntil: null,
    effectiveAfter: null,
    revokingAt: null,
    confirmedAt: null,
    attempts: 0,
    nextAttemptAt: null,
    stuck: false,
    lastError: null,
    fingerprint: '',
  }
}

/**
 * Mints everything that was planned, in parallel, each upstream under its own deadline. Throws when one fails: then
 * whatever the others made is still on record in `minting`, and has to be taken back. Rows come back as they will be.
 */
export async function mintAll(broker: Broker, planned: readonly Planned[]): Promise<readonly Minting[]> {
  const settled = await Promise.allSettled(
    planned.map((each) => (each.kind === 'local' ? signLocally(each) : mintUpstream(broker, each))),
  )
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
}

async function signLocally({ provider, lease, entry, row }: Extract<Planned, { kind: 'local' }>): Promise<Minting> {
  const { grant, access } = entry
  if (grant.type !== 'jwt') throw new Error(`Grant ${grant.name} is not one that ${provider.name} signs`)
  const minted = await provider.mint({ credential: row.id, lease, grant, access, now: row.issuedAt })
  if (minted.expiresAt > lease.expiresAt) throw new Error(`Provider ${provider.name} minted past the lease`)
  const { value, ...rest } = minted
  return { value, credential: { ...row, state: 'active', ...rest, notAfter: minted.expiresAt } }
}

async function mintUpstream(broker: Broker, planned: Extract<Planned, { kind: 'upstream' }>): Promise<Minting> {
  const { provider, order, plan } = planned
  let row = planned.row
  const keep = async (change: Partial<Pick<Credential, 'sealed' | 'hardExpiresAt'>>): Promise<void> => {
    const from = row
    const kept = await broker.store.commit((tx) => tx.moveCredential(from, change))
    if (!kept) throw new Error(`Credential ${row.id} was taken back while it was minted`)
    row = { ...row, ...change, fence: row.fence + 1 }
  }
  // What a revocation needs is on disk before the provider goes on: a crash in between leaves nothing that has no name.
  const record = (needed: JsonObject): Promise<void> => keep({ sealed: broker.seals.seal(row.id, needed) })
  const deadlineMs = Math.max(SECOND_MS, Math.min(provider.timeoutMs, order.lease.expiresAt - order.now - SECOND_MS))
  const signal = AbortSignal.timeout(deadlineMs)
  const minted = await orAborted(provider.mint(order, plan, record, signal), signal)
  // It is thrown away below. Until it is taken back, its row must not be closed as one that has ended when it was planned to.
  if (minted.hardExpiresAt > plan.notAfter) await keep({ hardExpiresAt: minted.hardExpiresAt })
  verify(provider, order, plan, minted)
  const { value, expiresAt, hardExpiresAt, fingerprint } = minted
  return { value, credential: { ...row, state: 'active', expiresAt, hardExpiresAt, fingerprint } }
}

/** A provider that does not listen to its signal holds nobody up. What it may still make is taken back by its handle. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('The upstream did not answer in time'))
    })
    work.then(resolve, reject)
  })
}

/** What leaves is what was ordered, and ends when the plan said, or it is a failed mint. */
function verify(provider: UpstreamProvider, order: UpstreamOrder, plan: Plan, minted: UpstreamMinted): void {
  // Written so that what is no number at all is wrong too.
  const wrong = !(minted.expiresAt <= order.lease.expiresAt)
    ? 'promises more time than the lease has'
    : !(minted.hardExpiresAt <= plan.notAfter)
      ? 'lives longer than was planned'
      : minted.fingerprint === ''
        ? 'has no fingerprint'
        : undefined
  if (wrong !== undefined) throw new Error(`What provider ${provider.name} minted ${wrong}`)
}

/** In the commit that releases them: signed rows are stored now, upstream rows leave `minting`. False: somebody was faster. */
export function keepMinted(tx: Transaction, minted: readonly Minting[]): boolean {
  return minted.every(({ credential }) => {
    if (credential.target === null) {
      tx.insertCredential(credential)
      return true
    }
    const { id, fence, state, expiresAt, hardExpiresAt, fingerprint } = credential
    return tx.moveCredential({ id, fence, state: 'minting' }, { state, expiresAt, hardExpiresAt, fingerprint })
  })
}
