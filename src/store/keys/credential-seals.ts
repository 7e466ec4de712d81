import type { Seals } from '../../broker/ports.ts'
import { parseStrictJson } from '../../core/strict-json.ts'
import type { Sealer } from './sealer.ts'

const PURPOSE = 'revocation'

/** Seals what a revocation needs, each under the name of its credential. */
export function credentialSeals(sealer: Sealer): Seals {
  return {
    seal: (name, needed) => sealer.seal({ purpose: PURPOSE, name }, new TextEncoder().encode(JSON.stringify(needed))),
    open: (name, sealed) => {
      const opened = sealer.open({ purpose: PURPOSE, name }, sealed)
      if (!opened.ok) return undefined
      const json = parseStrictJson(new TextDecoder().decode(opened.value))
      return json.ok ? json.value : undefined
    },
  }
}
