import type { UpstreamProvider } from '../../broker/provider-port.ts'
import { checkProvider } from './check/check-provider.ts'
import { createClients } from './create-clients.ts'
import { cutOffSessions } from './cut-off.ts'
import { mintSession } from './mint-session.ts'
import { createRevocations } from './revoke-session.ts'
import type { AwsStsParts, AwsStsSettings } from './settings.ts'

/** The half of the provider that speaks to AWS, and so needs its SDK. */
export type Sessions = Required<Pick<UpstreamProvider, 'mint' | 'revoke' | 'check' | 'cutOff'>> & Disposable

export function openSessions(settings: AwsStsSettings, parts: AwsStsParts): Sessions {
  const clients = createClients(settings, parts)
  return {
    mint: (order, plan, record, signal) => mintSession(clients, { order, plan, record, signal, report: parts.report }),
    revoke: createRevocations(clients, parts),
    cutOff: (before, signal) => cutOffSessions(clients, parts, { before, signal }),
    check: (signal) => checkProvider(clients, settings, parts, signal),
    [Symbol.dispose]: () => clients[Symbol.dispose](),
  }
}
