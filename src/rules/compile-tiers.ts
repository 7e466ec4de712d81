import { faultAt, type Fault } from '../core/fault.ts'
import type { Tier } from '../core/judge.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { TIER_NAMES, type RuleFile } from './rule-file.ts'

interface ParsedFile {
  readonly document: SourceDocument
  readonly file: RuleFile
}

/** The tiers, from exactly one file: in order, each bound above the one before, and the last one open, so that every score has one. */
export function compileTiers(files: readonly ParsedFile[]): Result<readonly Tier[], readonly Fault[]> {
  const [first, ...more] = files.filter(({ file }) => file.tiers !== undefined)
  if (!first) {
    const file = files[0]?.document.file ?? 'rules'
    return err([
      {
        file,
        line: 1,
        column: 1,
        message: 'No rule file holds tiers',
        mend: 'Load config/rules/baseline.yaml, or write tiers into one of them.',
      },
    ])
  }
  const twice = more.map(({ document }) =>
    faultAt(document, ['tiers'], {
      message: 'Tiers are in two files',
      mend: `Keep those of ${first.document.file}, or these.`,
    }),
  )
  const written = first.file.tiers ?? {}
  const names = TIER_NAMES.filter((name) => written[name] !== undefined)
  const at = (name: string, message: string, mend: string): Fault =>
    faultAt(first.document, ['tiers', name], { message: `Tier ${name}: ${message}`, mend })
  const faults = [...twice]
  const asWritten = Object.keys(written).filter((name) => names.some((known) => known === name))
  if (names.length === 0)
    faults.push(
      faultAt(first.document, ['tiers'], {
        message: 'There is no tier',
        mend: `Write at least one of ${TIER_NAMES.join(', ')}.`,
      }),
    )
  if (asWritten.join() !== names.join())
    faults.push(
      faultAt(first.document, ['tiers'], {
        message: 'The tiers are out of order',
        mend: `Write them in the order ${TIER_NAMES.join(', ')}.`,
      }),
    )
  let bound = 0
  for (const [index, name] of names.entries()) {
    const below = written[name]?.below
    const last = index === names.length - 1
    if (last && below !== undefined)
      faults.push(at(name, 'it is the last and has a bound', 'Take out below: every higher score must land somewhere.'))
    if (!last && below === undefined)
      faults.push(at(name, 'it has no bound', 'Write below: only the last tier is open.'))
    if (below !== undefined && below <= bound)
      faults.push(at(name, `below ${below} is not above ${bound}`, 'Each bound must be above the one before.'))
    bound = below ?? bound
  }
  if (faults.length > 0) return err(faults)
  return ok(names.map((name) => toTier(name, written[name])))
}

function toTier(name: string, tier: NonNullable<RuleFile['tiers']>['low']): Tier {
  return {
    name,
    below: tier?.below ?? null,
    effect: tier?.effect ?? 'deny',
    approvals: tier?.approvals ?? 1,
    approvers: tier?.approvers ?? null,
    maxTtlSeconds: tier?.max_ttl ?? null,
  }
}
