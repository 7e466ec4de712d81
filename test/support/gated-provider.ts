import type { Provider } from '../../src/broker/ports.ts'

/** Stands in front of every provider: minting waits until the gate is opened. */
interface GatedProvider {
  readonly decorate: (provider: Provider) => Provider
  /** Resolves when a mint has come to the gate. */
  readonly reached: Promise<void>
  readonly open: () => void
}

export function gatedProvider(): GatedProvider {
  const reached = Promise.withResolvers<undefined>()
  const opened = Promise.withResolvers<undefined>()
  return {
    decorate: (provider) => {
      if (provider.kind !== 'local') return provider
      const mint: typeof provider.mint = async (order) => {
        reached.resolve(undefined)
        await opened.promise
        return provider.mint(order)
      }
      return { ...provider, mint }
    },
    reached: reached.promise,
    open: () => {
      opened.resolve(undefined)
    },
  }
}
