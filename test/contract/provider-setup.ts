import type { Plan, UpstreamMinted, UpstreamOrder, UpstreamProvider } from '../../src/broker/provider-port.ts'
import type { FaultProxy } from '../support/backends/fault-proxy.ts'

/** Something of an order that no mint may leave out. */
export interface UnnarrowableOrder {
  readonly why: string
  readonly order: UpstreamOrder
}

/** Something that `check` has to find. */
export interface PlantedFault {
  readonly name: string
  /** The `check` of the finding that has to fail. */
  readonly finding: string
  /** Makes it so; disposing mends it. */
  readonly plant: () => Promise<AsyncDisposable>
}

/**
 * A provider in front of its real backend, and a second way to that backend by which the suite finds out what is true.
 * Nothing in here may ask the provider.
 */
export interface ProviderSetup extends AsyncDisposable {
  /** It reaches its backend through `faults` and in no other way. */
  readonly provider: UpstreamProvider
  readonly faults: FaultProxy
  readonly clock: () => number
  /** A fresh order whose lease has so long to live: a minute if nothing is said. */
  readonly order: (lifeMs?: number) => UpstreamOrder
  readonly unnarrowable: readonly UnnarrowableOrder[]
  /** How often a mint hands over what a revocation needs. */
  readonly records: number
  /** The secret itself, out of the value that agents get. */
  readonly secretOf: (minted: UpstreamMinted) => string
  /** Whether the backend accepts the credential for what it was ordered for. */
  readonly works: (minted: UpstreamMinted) => Promise<boolean>
  /** What the backend lets the credential do although it was not ordered; tries each thing. */
  readonly exceeds: (minted: UpstreamMinted) => Promise<readonly string[]>
  /** Whether the backend still has anything alive that a mint of the plan made, handed over or not. */
  readonly alive: (plan: Plan) => Promise<boolean>
  /** Lets so much time pass for the provider and, in whatever way it can, for the backend. */
  readonly pass: (ms: number) => Promise<void>
  /** The longest a mint that nobody recorded may live, in milliseconds: 0 where its handle is enough to end it. */
  readonly selfHealsAfterMs: number
  /** The shortest lease that the backend can end by itself, as `order` takes it. */
  readonly shortestLifeMs: number
  /** The upstream's own way to say that it is asked too often. */
  readonly throttled: { readonly status: number; readonly body: string }
  /** Takes from the broker the right to revoke, and nothing else; disposing gives it back. */
  readonly forbidRevocation: () => Promise<AsyncDisposable>
  readonly planted: readonly PlantedFault[]
  /** Everything that a check could have changed, as one value to compare. */
  readonly state: () => Promise<unknown>
  /** The broker's own secrets at this backend. */
  readonly canaries: () => readonly string[]
}
