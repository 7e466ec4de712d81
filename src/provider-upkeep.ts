import type { Broker, Provider } from './broker/ports.ts'

/** How long a provider may take to renew what it holds. */
const UPKEEP_MS = 30_000

/** Lets each provider look after its own login, one run at a time each, without anybody waiting for it. */
export function providerUpkeep(log: Broker['log']) {
  const running = new Set<string>()

  async function keep(provider: Provider): Promise<void> {
    if (provider.kind !== 'upstream' || !provider.upkeep || running.has(provider.name)) return
    running.add(provider.name)
    try {
      await provider.upkeep(AbortSignal.timeout(UPKEEP_MS))
    } catch (error) {
      log.warn({ err: error, provider: provider.name }, 'a provider could not renew what it holds; it tries again')
    } finally {
      running.delete(provider.name)
    }
  }

  return (providers: Iterable<Provider>): void => {
    for (const provider of providers) void keep(provider)
  }
}
