import { inspect } from 'node:util'
import { expect } from 'chai'
import type { Exchange } from '../support/backends/fault-proxy.ts'
import type { ProviderSetup } from './provider-setup.ts'

/** Fails where an error, an answer or a finding shows a secret of the broker or one that the upstream has ever answered. */
export function expectSecretless(setup: ProviderSetup, shown: unknown, where: string): void {
  const text = textOf(shown)
  for (const canary of [...setup.canaries(), ...setup.faults.exchanges.flatMap(secretsOf)]) {
    expect(text.includes(canary), `${where} shows a secret: ${text}`).to.be.false
  }
}

/** Everything that a log, a crash report or a debugger could print of it. */
function textOf(shown: unknown): string {
  const own = inspect(shown, { depth: 12, showHidden: true, getters: true }) + JSON.stringify(shown)
  if (!(shown instanceof Error)) return own
  return [own, String(shown), shown.message, shown.stack, textOf(shown.cause ?? null)].join('\n')
}

/** Whatever in an answer carries a secret's name, in JSON or in XML. */
function secretsOf({ answer }: Exchange): readonly string[] {
  const named =
    /"(?:client_token|password|secret_key|secret_id)":\s*"([^"]+)"|<(?:SecretAccessKey|SessionToken)>([^<]+)/g
  return [...(answer?.body ?? '').matchAll(named)].flatMap(([, json, xml]) => json ?? xml ?? [])
}
