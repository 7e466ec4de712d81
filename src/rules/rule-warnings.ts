import { serialize } from '@marcbachmann/cel-js'

import type { ConfiguredNames } from '../core/configured-names.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import type { CompiledRule } from './compile-rule.ts'
import { labelWords } from './label-words.ts'
import type { RuleEntry } from './rule-file.ts'

/** What loads and is probably not meant: members that do nothing yet, labels that nothing carries, shadowed rules. */
export function ruleWarnings(rules: readonly CompiledRule[], names: ConfiguredNames): readonly Fault[] {
  return [...rules.flatMap((rule) => ofOne(rule, names)), ...uncarried(rules, names), ...rules.flatMap(shadowed)]
}

type Member = keyof RuleEntry

const warning = ({ entry, place }: CompiledRule, member: Member, message: string, mend: string): Fault =>
  faultAt(place.document, ['rules', place.index, member], { message: `Rule ${entry.id}: ${message}`, mend })

function ofOne(rule: CompiledRule, names: ConfiguredNames): readonly Fault[] {
  const { escalate_to, tools, grants } = rule.entry
  const unchecked = (member: 'tools' | 'grants') =>
    warning(rule, member, 'the selector was not checked', 'Check it together with the configuration that names them.')
  return [
    ...(escalate_to !== undefined
      ? [warning(rule, 'escalate_to', 'nothing escalates yet', 'Do not rely on it in this version.')]
      : []),
    ...(tools && names.tools === null ? [unchecked('tools')] : []),
    ...(grants && names.grants === null ? [unchecked('grants')] : []),
  ]
}

/** One warning a file: shipped rules speak of more labels than a small configuration has. */
function uncarried(rules: readonly CompiledRule[], { carried }: ConfiguredNames): readonly Fault[] {
  if (carried === null) return []
  return [...Map.groupBy(rules, ({ place }) => place.document).values()].flatMap((inFile) => {
    const dead = inFile.flatMap((rule) =>
      labelWords(rule.condition.ast)
        .filter(({ word, configured }) => configured && !carried.includes(word))
        .map(({ word, offset }) => ({ rule, word, offset })),
    )
    const [first] = dead
    if (!first) return []
    const words = [...new Set(dead.map(({ word }) => word))]
    const message = `No grant or tool carries ${words.join(', ')}: what rules of this file say of that never holds`
    const mend = 'Label the grants and tools that are meant.'
    const { document, index } = first.rule.place
    return [faultAt(document, ['rules', index, 'when'], { message, mend }, first.offset)]
  })
}

/** A rule behind another that denies on the same condition: it changes nothing. */
function shadowed(rule: CompiledRule, _: number, rules: readonly CompiledRule[]): readonly Fault[] {
  const by = rules.find(
    (other) =>
      other !== rule &&
      other.entry.effect === 'deny' &&
      other.entry.mode === 'enforce' &&
      sameCondition(other, rule) &&
      (rule.entry.effect !== 'deny' || rules.indexOf(other) < rules.indexOf(rule)),
  )
  return by ? [warning(rule, 'when', `rule ${by.entry.id} denies on the same condition`, 'Take one of them out.')] : []
}

function sameCondition(one: CompiledRule, other: CompiledRule): boolean {
  const key = ({ entry: { on, tools, grants }, condition }: CompiledRule): string =>
    JSON.stringify([on, tools ?? null, grants ?? null, serialize(condition.ast)])
  return key(one) === key(other)
}
