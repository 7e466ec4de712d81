import type { TestBroker } from './broker.ts'

/** So much time passes, with the sweep at its end: a broker whose sweep is late grants nothing. */
export async function later(broker: TestBroker, seconds: number): Promise<void> {
  broker.clock.advance(seconds * 1000)
  await broker.app.sweep()
}
