import { expect } from 'chai'
import { stat, utimes, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

import type { App } from '../../src/app.ts'
import { keepLoaded } from '../../src/commands/keep-loaded.ts'
import { err, ok } from '../../src/core/result.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'

type Reloaded = Awaited<ReturnType<App['reload']>>

/** Loads that end when the test says so. */
function gatedLoads() {
  const loads: PromiseWithResolvers<Reloaded>[] = []
  return {
    loads,
    reload: () => {
      const load = Promise.withResolvers<Reloaded>()
      loads.push(load)
      return load.promise
    },
  }
}

const loaded = (...files: readonly string[]): Reloaded => ok({ closed: 0, files })
const ignored = (): void => undefined

describe('keeping the configuration loaded', () => {
  it('runs one load at a time, and one more for all that was asked meanwhile', async () => {
    const { loads, reload } = gatedLoads()
    await using kept = keepLoaded({ reload }, { files: [], readAt: 0, failed: ignored })
    kept.again()
    kept.again()
    kept.again()
    expect(loads).to.have.length(1)
    loads[0]?.resolve(loaded())
    await until('the next load runs', () => loads.length === 2)
    loads[1]?.resolve(loaded())
    kept.again()
    await until('a load of its own runs', () => loads.length === 3)
    loads[2]?.resolve(loaded())
  })

  it('notices a file that was written while it was being loaded', async () => {
    await using folder = await temporaryFolder()
    const file = folder.at('rules.yaml')
    await writeFile(file, 'old')
    const { loads, reload } = gatedLoads()
    await using kept = keepLoaded({ reload }, { files: [file], readAt: Date.now(), failed: ignored })
    kept.again()
    await writeFile(file, 'newer')
    loads[0]?.resolve(loaded(file))
    await until('it is loaded again', () => loads.length === 2)
    loads[1]?.resolve(loaded(file))
  })

  it('notices a file that was written between its first reading and the first look at it', async () => {
    await using folder = await temporaryFolder()
    const [first, added] = [folder.at('rules.yaml'), folder.at('more.yaml')]
    for (const file of [first, added]) await writeFile(file, 'rules')
    const { loads, reload } = gatedLoads()
    const written = (await stat(first)).mtimeMs
    await using _kept = keepLoaded({ reload }, { files: [first], readAt: written - 1000, failed: ignored })
    await until('the first file is loaded again', () => loads.length === 1)
    const later = new Date(Date.now() + 60_000)
    await utimes(added, later, later)
    loads[0]?.resolve(loaded(first, added))
    await until('so is one that this load was the first to name', () => loads.length === 2)
    loads[1]?.resolve(loaded(first, added))
  })

  it('does not load again what was written before it was read', async () => {
    await using folder = await temporaryFolder()
    const file = folder.at('rules.yaml')
    await writeFile(file, 'rules')
    const { loads, reload } = gatedLoads()
    await using _kept = keepLoaded({ reload }, { files: [file], readAt: Date.now(), failed: ignored })
    await wait(400)
    expect(loads).to.have.length(0)
  })

  it('goes on watching the files in force after a broken load', async () => {
    await using folder = await temporaryFolder()
    const file = folder.at('rules.yaml')
    await writeFile(file, 'broken')
    const { loads, reload } = gatedLoads()
    await using kept = keepLoaded({ reload }, { files: [file], readAt: Date.now(), failed: ignored })
    kept.again()
    loads[0]?.resolve(err([]))
    await writeFile(file, 'mended')
    await until('it is loaded again', () => loads.length === 2)
    loads[1]?.resolve(loaded(file))
  })

  it('says that a load could not be recorded, and still loads when asked again', async () => {
    const { loads, reload } = gatedLoads()
    const failures: unknown[] = []
    await using kept = keepLoaded({ reload }, { files: [], readAt: 0, failed: (error) => void failures.push(error) })
    kept.again()
    const full = new Error('the disk is full')
    loads[0]?.reject(full)
    await until('it is said', () => failures.length === 1)
    expect(failures).to.deep.equal([full])
    kept.again()
    expect(loads).to.have.length(2)
    loads[1]?.resolve(loaded())
  })

  it('lets a running load end before it is disposed of, and starts none after', async () => {
    const { loads, reload } = gatedLoads()
    const kept = keepLoaded({ reload }, { files: [], readAt: 0, failed: ignored })
    kept.again()
    kept.again()
    let disposed = false
    const end = kept[Symbol.asyncDispose]().then(() => (disposed = true))
    await new Promise(setImmediate)
    expect(disposed).to.equal(false)
    loads[0]?.resolve(loaded())
    await end
    kept.again()
    expect(loads).to.have.length(1)
  })
})
