import type { Finding } from '../../../broker/provider-port.ts'
import { SECOND_MS } from '../../../core/time.ts'
import { awsFailure } from '../aws-failure.ts'
import type { Clients } from '../create-clients.ts'
import type { AwsStsParts, AwsStsSettings } from '../settings.ts'
import { whoAmI, type Caller } from '../who-am-i.ts'
import { checkRole } from './check-role.ts'

/** Deadlines are kept by AWS's clock: by as much as it differs, a session ends early or late. */
const MAX_SKEW_MS = 5 * SECOND_MS

/** What `mayfly doctor` looks at: the way to AWS, the clock, then the role of each grant. Changes nothing. */
export async function checkProvider(
  clients: Clients,
  { name, region, endpoint }: AwsStsSettings,
  parts: AwsStsParts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const where = endpoint ?? `STS of ${region}`
  let caller: Caller
  try {
    caller = await whoAmI(clients, signal)
  } catch (error) {
    const failure = awsFailure('sts:GetCallerIdentity', error)
    return [...unanswered(where, failure.message, failure.class === 'unreachable'), ...clock(clients)]
  }
  const findings: Finding[] = [
    good('endpoint', `${where} answers`),
    good('credentials', `Provider ${name} is ${caller.arn}`),
    ...clock(clients),
  ]
  for (const grant of parts.grants()) findings.push(...(await checkRole(clients, { grant, caller }, signal)))
  return findings
}

function unanswered(where: string, message: string, unreachable: boolean): readonly Finding[] {
  const detail = `${where}: ${message}`
  if (unreachable)
    return [
      { check: 'endpoint', ok: false, detail, mend: 'Open the way there over HTTPS, or mend region and endpoint.' },
    ]
  const mend = "Mend the provider's credentials: the files, the profile or what the broker's environment offers."
  return [{ check: 'credentials', ok: false, detail, mend }]
}

function clock({ clockOffsetMs }: Clients): readonly Finding[] {
  const offset = clockOffsetMs()
  if (offset === null) return []
  const seconds = Math.round(Math.abs(offset) / SECOND_MS)
  const ok = Math.abs(offset) <= MAX_SKEW_MS
  return [
    {
      check: 'clock',
      ok,
      detail: ok
        ? "The broker's clock and AWS's agree"
        : `The broker's clock is ${seconds} s ${offset > 0 ? 'behind' : 'ahead of'} AWS's, which ends the sessions`,
      mend: ok ? null : 'Let the time of this machine be kept (NTP).',
    },
  ]
}

const good = (check: string, detail: string): Finding => ({ check, ok: true, detail, mend: null })
