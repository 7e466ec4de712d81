import type { SeenRequest } from '../../support/backends/fault-proxy.ts'
import type { KillPoint } from '../../support/kill-points.ts'

/** On the way to an upstream: before it sees a request, or after it has done what was asked and nobody has heard. */
export interface WireMoment {
  /** The path at a Vault, or the action of AWS. */
  readonly wire: string
  readonly when: 'before' | 'after'
}

export type Act = 'grant' | 'replace' | 'complete' | 'revoke' | 'expire'

export interface KillPlan {
  readonly act: Act
  readonly grant: string
  readonly moment: KillPoint | WireMoment
  /** What it leaves behind has no handle upstream: it ends by itself, within its birth TTL. */
  readonly heals: boolean
}

export const goesOver = (wire: string, { path, body }: SeenRequest): boolean =>
  path === `/v1/${wire}` || body.includes(`Action=${wire}&`)

export const said = ({ act, grant, moment }: KillPlan): string =>
  `${act} of ${grant}, ${moment.when} ${'wire' in moment ? moment.wire : `${moment.step} ${moment.nth ?? 1}`}`

type Moment = KillPlan['moment']

const around = (step: KillPoint['step'], nth = 1): readonly Moment[] =>
  (['before', 'after'] as const).map((when) => ({ step, when, nth }))
const onTheWay = (...wires: readonly string[]): readonly Moment[] =>
  wires.flatMap((wire) => [{ wire, when: 'before' } as const, { wire, when: 'after' } as const])
const inside = (...steps: readonly KillPoint['step'][]): readonly Moment[] =>
  steps.map((step) => ({ step, when: 'inside' }))

const plans = (
  acts: readonly Act[],
  grants: readonly string[],
  moments: readonly Moment[],
  heals = false,
): readonly KillPlan[] =>
  moments.flatMap((moment) => acts.flatMap((act) => grants.map((grant) => ({ act, grant, moment, heals }))))

/** What can happen to a broker in front of one kind of upstream. */
export interface KillPlans {
  /** Only the first mint of a process comes by there. */
  readonly first: readonly KillPlan[]
  /** Time passes before these. */
  readonly expired: readonly KillPlan[]
  readonly replaced: readonly KillPlan[]
  /** Their orphans have no handle. */
  readonly healing: readonly KillPlan[]
  readonly others: readonly KillPlan[]
  /** In the middle of a commit: the process kills itself, with every broker in it, wherever those are then. */
  readonly inside: readonly KillPlan[]
  readonly healingInside: readonly KillPlan[]
}

const MINTING = [...around('intent'), { step: 'mint', when: 'before' } as const]
const RELEASING = [{ step: 'reveal', when: 'after' } as const, ...around('release')]
const ENDING = [...around('close'), ...around('revoke'), ...around('end')]

const vaultMint = ['auth/token/renew-accessor']
const vaultSecret = ['database/creds/orders-ro', 'sys/leases/renew']
const OF_VAULT = ['orders-db', 'orders-reader']

export const VAULT_PLANS: KillPlans = {
  first: plans(['grant'], OF_VAULT, onTheWay('auth/approle/login', 'auth/token/create/mayfly-parent')),
  expired: [
    ...plans(['expire'], OF_VAULT, [...ENDING, ...onTheWay('auth/token/revoke-accessor')]),
    ...plans(['expire'], ['orders-db'], onTheWay('sys/leases/revoke')),
  ],
  replaced: [
    ...plans(['replace'], OF_VAULT, [...MINTING, ...RELEASING, ...onTheWay(...vaultMint)]),
    ...plans(['replace'], ['orders-db'], [...onTheWay(...vaultSecret), ...around('record', 2)]),
    ...plans(['replace'], ['orders-db'], around('revoke')),
  ],
  healing: plans(
    ['grant'],
    OF_VAULT,
    [
      { wire: 'auth/token/create', when: 'after' },
      { step: 'mint', when: 'after' },
      { step: 'record', when: 'before' },
    ],
    true,
  ),
  others: [
    ...plans(['grant'], OF_VAULT, [
      ...MINTING,
      { step: 'record', when: 'after' },
      ...RELEASING,
      { wire: 'auth/token/create', when: 'before' },
      ...onTheWay(...vaultMint),
    ]),
    ...plans(['grant'], ['orders-db'], [...onTheWay(...vaultSecret), ...around('record', 2)]),
    ...plans(['complete', 'revoke'], OF_VAULT, [...ENDING, ...onTheWay('auth/token/revoke-accessor')]),
    ...plans(['complete', 'revoke'], ['orders-db'], onTheWay('sys/leases/revoke')),
  ],
  inside: [
    ...plans(['grant'], ['orders-db'], inside('intent', 'release')),
    ...plans(['complete'], OF_VAULT, inside('close', 'end')),
  ],
  healingInside: plans(['grant'], ['orders-db'], inside('record'), true),
}

const SESSION = ['orders-bucket']
const awsMint = [...MINTING, ...around('record'), ...onTheWay('AssumeRole'), ...RELEASING]

export const AWS_PLANS: KillPlans = {
  first: [],
  expired: plans(['expire'], SESSION, [...around('close'), ...around('revoke')]),
  replaced: plans(['replace'], SESSION, [...awsMint, ...around('revoke')]),
  healing: [],
  others: [
    ...plans(['grant'], SESSION, awsMint),
    ...plans(['complete', 'revoke'], SESSION, [
      ...around('close'),
      ...around('revoke'),
      ...onTheWay('PutRolePolicy', 'GetRolePolicy'),
    ]),
  ],
  inside: [
    ...plans(['grant'], SESSION, inside('intent', 'record', 'release')),
    ...plans(['complete'], SESSION, inside('close')),
  ],
  healingInside: [],
}
