import type { Fault } from './core/fault.ts'
import type { LoadedPolicy } from './local/load-policy.ts'

/** A provider that still has live credentials and that the new configuration no longer names: nobody could take them back. */
export function providerTakenOut(inUse: readonly string[], { configuration }: LoadedPolicy): Fault | undefined {
  const gone = inUse.find((name) => !configuration.providers.some((provider) => provider.name === name))
  if (gone === undefined) return undefined
  return {
    file: configuration.file,
    line: 1,
    column: 1,
    message: `The provider ${gone} is gone, and credentials of it are still alive`,
    mend: 'Put it back until they have ended: mayfly credential list shows them.',
  }
}
