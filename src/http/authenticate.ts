import type { Caller } from '../broker/caller.ts'
import type { Broker, Identities } from '../broker/ports.ts'
import { bearerKindOf } from '../core/bearer-token.ts'
import { err, ok, type Result } from '../core/result.ts'

/** Why nobody was recognised. `cause` stays inside; `limited` when this address has failed too often to be verified. */
export interface AuthRefusal {
  readonly reason: 'unauthenticated' | 'unknown-agent'
  readonly detail: string
  readonly cause: string
}

const BEARER = /^Bearer ([!-~]{1,16384})$/i

const NOT_ACCEPTED = 'The token was not accepted. Send a fresh one in full.'

/**
 * Who is calling. The prefix of a Mayfly token says where to look it up, by hash; everything else must be an identity
 * token of a trusted issuer. A lease token proves its lease as long as the row is kept.
 */
export async function authenticate(
  broker: Pick<Broker, 'store' | 'digests' | 'clock'> & { readonly identities: () => Identities },
  authorization: string | undefined,
): Promise<Result<Caller, AuthRefusal>> {
  if (authorization === undefined)
    return refused('Send a proof of identity as "Authorization: Bearer TOKEN".', 'no Authorization header')
  const token = BEARER.exec(authorization)?.[1]
  if (token === undefined)
    return refused('The Authorization header must read "Bearer TOKEN".', 'malformed Authorization header')
  if (!/^mf[a-z]_/.test(token)) return broker.identities().workload(token)
  switch (bearerKindOf(token)) {
    case 'l': {
      const lease = broker.store.reads.leaseByToken(broker.digests.hex(token))
      return lease
        ? ok({ type: 'lease', lease: lease.id, agent: lease.agent })
        : refused(NOT_ACCEPTED, 'unknown lease token')
    }
    case 'e': {
      const { reads } = broker.store
      const id = reads.leaseByEvaluateToken(broker.digests.hex(token), broker.clock())
      const lease = id && reads.lease(id)
      return lease
        ? ok({ type: 'evaluator', lease: lease.id, agent: lease.agent })
        : refused(NOT_ACCEPTED, 'unknown or expired evaluate-only token')
    }
    case 'o':
      return known(broker.identities().operator(token), 'unknown or expired operator token')
    case 'p':
      return known(broker.identities().pep(token), 'unknown PEP token')
    case undefined:
      return refused(NOT_ACCEPTED, 'a Mayfly token with a wrong form or checksum')
  }
}

function known(caller: Caller | undefined, cause: string): Result<Caller, AuthRefusal> {
  return caller ? ok(caller) : refused(NOT_ACCEPTED, cause)
}

function refused(detail: string, cause: string): Result<never, AuthRefusal> {
  return err({ reason: 'unauthenticated', detail, cause })
}
