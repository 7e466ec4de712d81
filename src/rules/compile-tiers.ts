import type { ConfiguredNames } from '../core/configured-names.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import { isJsonObject } from '../core/json.ts'
import type { Tier } from '../core/judge.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument } from '../core/source-document.ts'
import type { ParsedRuleFile } from './parse-rule-file.ts'
import { TIER_NAMES, type Tiers } from './rule-file.ts'

interface Against {
  readonly names: ConfiguredNames
  readonly allRules: boolean
}

type At = (name: string | null, message: string, mend: string) => Fault

/** The tiers, from exactly one file: in order, each bound above the one before, and the last one open, so that every score has one. */
export function compileTiers(
  files: readonly ParsedRuleFile[],
  { names, allRules }: Against,
): Result<readonly Tier[], readonly Fault[]> {
  const [first, ...more] = files.filter(({ tiers }) => tiers !== 'none')
  if (!first) {
    if (!allRules) return err([])
    const message = 'No rule file holds tiers'
    const mend = 'Load config/rules/baseline.yaml, or write tiers into one of them.'
    return err([{ file: files[0]?.document.file ?? 'rules', line: 1, column: 1, message, mend }])
  }
  const twice = more.map(({ document }) => ({
    ...faultAt(document, ['tiers'], {
      message: 'Tiers are in two files',
      mend: `Keep those of ${first.document.file}, or these.`,
    }),
    ...document.keyAt(['tiers']),
  }))
  const { document, tiers } = first
  if (typeof tiers === 'string') return err(twice)
  const at: At = (name, message, mend) =>
    faultAt(document, name === null ? ['tiers'] : ['tiers', name], {
      message: name === null ? message : `Tier ${name}: ${message}`,
      mend,
    })
  const faults = [...twice, ...orderFaults(document, at), ...boundFaults(tiers, at), ...groupFaults(tiers, names, at)]
  return faults.length > 0 ? err(faults) : ok(TIER_NAMES.flatMap((name) => toTier(name, tiers[name])))
}

/** As they were written: the schema puts them into its own order. */
function orderFaults(document: SourceDocument, at: At): readonly Fault[] {
  const written = isJsonObject(document.value) ? document.value['tiers'] : undefined
  const names = isJsonObject(written) ? Object.keys(written) : []
  const order = TIER_NAMES.join(', ')
  if (names.length === 0) return [at(null, 'There is no tier', `Write at least one of ${order}.`)]
  const inOrder = TIER_NAMES.filter((name) => names.includes(name))
  return names.join() === inOrder.join()
    ? []
    : [at(null, 'The tiers are out of order', `Write them in the order ${order}.`)]
}

function boundFaults(tiers: Tiers, at: At): readonly Fault[] {
  const faults: Fault[] = []
  const names = TIER_NAMES.filter((name) => tiers[name] !== undefined)
  let bound = 0
  for (const name of names) {
    const below = tiers[name]?.below
    const last = name === names.at(-1)
    if (last && below !== undefined)
      faults.push(at(name, 'it is the last and has a bound', 'Take out below: every higher score must land somewhere.'))
    if (!last && below === undefined)
      faults.push(at(name, 'it has no bound', 'Write below: only the last tier is open.'))
    if (below !== undefined && below <= bound)
      faults.push(at(name, `below ${below} is not above ${bound}`, 'Each bound must be above the one before.'))
    bound = below ?? bound
  }
  return faults
}

function groupFaults(tiers: Tiers, { groups }: ConfiguredNames, at: At): readonly Fault[] {
  if (groups === null) return []
  return TIER_NAMES.flatMap((name) => {
    const group = tiers[name]?.approvers
    return group === undefined || groups.includes(group)
      ? []
      : [
          at(
            name,
            `no operator is in the group ${group}, so nobody could answer`,
            'Put some there: operators[].groups.',
          ),
        ]
  })
}

function toTier(name: string, tier: Tiers['low']): readonly Tier[] {
  if (!tier) return []
  const { below = null, effect, approvals = 1, approvers = null, max_ttl: maxTtlSeconds = null } = tier
  return [{ name, below, effect, approvals, approvers, maxTtlSeconds }]
}
