import { writeFileSync } from 'node:fs'
import { reporters, type MochaOptions, type Runner, type Test } from 'mocha'
import { reasonForSkip } from '../test/support/skip-because.ts'

/**
 * Mocha's spec output, then every skipped test by name and reason, then one line that people and machines read alike.
 * With the reporter option `counts=FILE` that line goes to the file, for `scripts/test` to print after everything else.
 */
// eslint-disable-next-line no-restricted-syntax -- mocha takes a reporter's default export
export default class CountingReporter extends reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options)
    const skipped: Test[] = []
    let pending = 0
    runner.on('pending', (test) => {
      pending += 1
      skipped.push(test)
    })
    // Under --forbid-pending a skip arrives as a failure; its reason is worth as much there.
    runner.on('fail', (test) => {
      if (test.isPending()) skipped.push(test)
    })
    runner.once('end', () => {
      for (const test of skipped) process.stdout.write(`SKIPPED ${test.fullTitle()}: ${reasonForSkip(test)}\n`)
      const { passes, failures } = this.stats
      const line = `${passes} passed, ${failures} failed, ${pending} skipped\n`
      const { counts } = (options.reporterOptions ?? {}) as { readonly counts?: string }
      if (counts === undefined) process.stdout.write(line)
      else writeFileSync(counts, line)
    })
  }
}
