import { writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Finding, UpstreamProvider } from '../../../../src/broker/provider-port.ts'
import type { AwsGrant } from '../../../../src/core/catalogue.ts'
import { createAwsStsProvider } from '../../../../src/providers/aws-sts.ts'
import type { EndedSession } from '../../../../src/providers/aws-sts/deny-policy.ts'
import { startFaultProxy, type FaultProxy } from '../../../support/backends/fault-proxy.ts'
import type { Ministack } from '../../../support/backends/ministack.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { setUpAccount, type AwsAccount } from './aws-account.ts'
import { ORDERS } from './orders.ts'

export interface AwsWorldOptions {
  readonly grants?: readonly AwsGrant[]
  /** Who asks the provider to wait; it waits, if nothing is said, as it is asked to. */
  readonly pause?: (ms: number) => Promise<void>
  readonly callMs?: number
}

/** A provider in front of an account of its own, which it reaches through the proxy as the broker's user. */
export interface AwsWorld extends AsyncDisposable {
  readonly provider: UpstreamProvider
  readonly account: AwsAccount
  readonly faults: FaultProxy
  readonly clock: () => number
  /** Moves the broker's clock and, where it can be moved, AWS's. Else what may take long is waited for. */
  readonly pass: (ms: number) => Promise<void>
  /** What the ledger says of every role: the provider reads it, and revocations are entered as the ledger would. */
  readonly ended: EndedSession[]
  readonly reports: readonly Finding[]
  grants: readonly AwsGrant[]
  /** Changes the broker's own secret key, as a rotation would. */
  readonly writeSecretKey: (secret: string) => Promise<void>
}

/** Empties the emulator, and sets an account up in it. */
export async function startAwsWorld(ministack: Ministack, options: AwsWorldOptions = {}): Promise<AwsWorld> {
  await ministack.setAhead(0)
  await fetch(`${ministack.url}/_ministack/reset`, { method: 'POST' })
  const account = await setUpAccount(ministack)
  const faults = await startFaultProxy(ministack.url)
  const folder = await temporaryFolder()
  const files = { accessKeyIdFile: folder.at('access-key-id'), secretAccessKeyFile: folder.at('secret-access-key') }
  const writeSecretKey = (secret: string): Promise<void> =>
    writeFile(files.secretAccessKeyFile, `${secret}\n`, { mode: 0o600 })
  await writeFile(files.accessKeyIdFile, `${account.brokerKey.AccessKeyId}\n`, { mode: 0o600 })
  await writeSecretKey(account.brokerKey.SecretAccessKey)

  let ahead = 0
  const clock = (): number => Date.now() + ahead
  const ended: EndedSession[] = []
  const reports: Finding[] = []
  let grants = options.grants ?? [ORDERS]
  const made = createAwsStsProvider(
    { name: 'aws-test', region: 'eu-central-1', endpoint: faults.url, credentials: { from: 'files', ...files } },
    {
      clock,
      grants: () => grants,
      ended: () => ended,
      report: (finding) => void reports.push(finding),
      pause: options.pause ?? ((ms) => wait(ms)),
      callMs: options.callMs ?? 1_500,
    },
  )
  return {
    provider: {
      ...made,
      revoke({ handle, notAfter, ...rest }, signal) {
        if (!ended.some((each) => each.handle === handle)) ended.push({ handle, notAfter })
        return made.revoke({ handle, notAfter, ...rest }, signal)
      },
    },
    account,
    faults,
    clock,
    async pass(ms) {
      ahead += ms
      if (ministack.movable) await ministack.setAhead(ahead)
      else if (ms > 60_000) await wait(6_000)
    },
    ended,
    reports,
    get grants() {
      return grants
    },
    set grants(changed) {
      grants = changed
    },
    writeSecretKey,
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]()
      await faults[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
