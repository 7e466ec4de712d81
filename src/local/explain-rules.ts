import { judgeLease, type RuleSet } from '../core/judge.ts'
import type { Verdict } from '../core/decision.ts'
import type { Fault } from '../core/fault.ts'
import { ok, type Result } from '../core/result.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { caseFacts } from './case-facts.ts'
import { parseCaseFacts } from './rule-case.ts'

interface ExplainedRule {
  readonly id: string
  readonly matched: boolean | 'error'
  readonly effect: string
  readonly mode: string
  /** The rule's reason, or why it cannot be evaluated. For the rule's author, never for a caller. */
  readonly why: string
}

export interface Explained {
  readonly verdict: Verdict
  readonly rules: readonly ExplainedRule[]
}

/** One request, each rule's value and why. The document holds differences from an ordinary request, as a case does. */
export function explainRules(rules: RuleSet, document: SourceDocument): Result<Explained, readonly Fault[]> {
  const facts = parseCaseFacts(document)
  if (!facts.ok) return facts
  const whole = caseFacts(facts.value)
  const explained = rules.lease.map((rule): ExplainedRule => {
    const effect = rule.effect.kind === 'risk' ? `risk ${rule.effect.points}` : rule.effect.kind
    const shown = { id: rule.id, effect, mode: rule.mode }
    try {
      return { ...shown, matched: rule.matches(whole), why: rule.reason }
    } catch (error) {
      return {
        ...shown,
        matched: 'error',
        why: error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : 'unknown',
      }
    }
  })
  return ok({ verdict: judgeLease(rules, whole), rules: explained })
}
