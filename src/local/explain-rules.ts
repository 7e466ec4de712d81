import { judgeLease, type RuleSet } from '../core/judge.ts'
import type { Verdict } from '../core/decision.ts'
import type { JsonObject } from '../core/json.ts'
import { caseFacts } from './rule-case.ts'

export interface ExplainedRule {
  readonly id: string
  readonly matched: boolean | 'error'
  readonly effect: string
  readonly mode: string
  /** The rule's reason, or why it cannot be evaluated. For the rule's author, never for a caller. */
  readonly why: string
}

/** One request, each rule's value and why. `facts` are differences from an ordinary request, as in a case. */
export function explainRules(
  rules: RuleSet,
  facts: JsonObject,
): { readonly verdict: Verdict; readonly rules: readonly ExplainedRule[] } {
  const whole = caseFacts(facts)
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
  return { verdict: judgeLease(rules, whole), rules: explained }
}
