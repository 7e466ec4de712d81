import { expect } from 'chai'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'

const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url))

/** What each step must show, in the order of the story. */
const STORY: readonly (readonly [title: string, ...shown: readonly RegExp[]])[] = [
  [
    '1. The agent proves who it is',
    /signs a token, eyJ.{3}\.\.\..{4}: "this is support-bot", for urn:mayfly:demo-broker/,
  ],
  ['2. It asks for what one task needs', /allow, risk 0/, /a JWT, eyJ/, /refund-1234, order:read refund:create/],
  ['3. It does its work', /GET \/orders\/1234 -> 200/, /POST \/orders\/1234\/refund -> 200/],
  [
    '4. It is refused what is not its task',
    /403: this call needs customer:export/,
    /403 not-granted: "payments" is not a grant of agent support-bot/,
    /403 denied: .*rule no-iam-for-agents/,
  ],
  [
    '5. A person decides where the rules want one',
    /rule exports-need-a-person/,
    /Dana +says yes, and is refused: You own the agent/,
    /Sam +says yes to that digest -> approved, and the lease is active/,
    /GET \/customers\/export -> 200/,
  ],
  [
    '6. The task ends, and its access with it',
    /Before +introspection says active: true/,
    /the lease is closed \(completed\)/,
    /After +introspection says active: false/,
    /Shop +401 for the same JWT, \d+ ms later/,
  ],
  [
    '7. Everything is on record',
    /approved +credential\.minted/,
    /denied +lease\.denied/,
    /The chains are whole, held against 1 checkpoint/,
    /FAULT denied 1: was changed/,
  ],
]

interface Demo extends AsyncDisposable {
  readonly child: ChildProcess
  readonly output: () => string
  readonly errors: () => string
  readonly ended: Promise<number | null>
}

/** The demo as leader of a process group, so that whatever it starts and leaves behind can be found. */
function startDemo(temporary: string): Demo {
  const env = { ...process.env, TMPDIR: temporary }
  const child = spawn(process.execPath, [DEMO], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    output: () => output,
    errors: () => errors,
    ended,
    [Symbol.asyncDispose]: async () => {
      toGroup(child, 'SIGKILL')
      await ended
    },
  }
}

/** To the demo and all that it started; false where none of them is there. Signal 0 only asks. */
function toGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

describe('the demo', function () {
  this.timeout(60_000)

  let temporary: TemporaryFolder
  beforeEach(async () => (temporary = await temporaryFolder()))
  afterEach(() => temporary[Symbol.asyncDispose]())

  async function expectNothingLeft(demo: Demo): Promise<void> {
    expect(toGroup(demo.child, 0)).to.equal(false)
    expect(await readdir(temporary.path)).to.deep.equal([])
  }

  it('plays the whole story, in order, shows no token whole, and leaves nothing behind', async () => {
    await using demo = startDemo(temporary.path)
    expect(await demo.ended, demo.errors()).to.equal(0)
    expect(demo.errors()).to.equal('')
    const steps = demo
      .output()
      .split(/^(?=\d\. )/m)
      .slice(1)
    expect(steps.map((step) => step.split('\n')[0])).to.deep.equal(STORY.map(([title]) => title))
    STORY.forEach(([, ...shown], at) => {
      for (const line of shown) expect(steps[at]).to.match(line)
    })
    expect(demo.output()).to.not.match(/eyJ[\w-]{10}|mf[a-z]_[0-9A-Za-z]{10}/)
    await expectNothingLeft(demo)
  })

  it('cleans up when it is interrupted in the middle', async () => {
    await using demo = startDemo(temporary.path)
    await until('the lease is granted', () => demo.output().includes('\n2. '))
    expect(toGroup(demo.child, 0)).to.equal(true)
    // Ctrl-C in a terminal goes to the children too.
    toGroup(demo.child, 'SIGINT')
    expect(await demo.ended).to.equal(130)
    expect(demo.errors()).to.match(/Stopped/)
    await expectNothingLeft(demo)
  })

  it('says what failed and how to mend it', async () => {
    await using demo = startDemo(temporary.at('not-there'))
    expect(await demo.ended).to.equal(1)
    expect(demo.errors()).to.match(/The demo failed: there is no temporary folder.*\n.*Set TMPDIR/)
    await expectNothingLeft(demo)
  })
})
