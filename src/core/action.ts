import type { JsonObject } from './json.ts'

/** What an agent wants to do now: call a tool, or use a grant itself. */
export type Action =
  | { readonly kind: 'tool'; readonly tool: string; readonly arguments: JsonObject }
  | { readonly kind: 'grant'; readonly grant: string; readonly action: string; readonly resource: string | null }

/** Why an action is allowed or not: the first of these that holds, in this order, is the answer. */
export const ACTION_REASONS = [
  'lease_not_active',
  'lease_expired',
  'ancestor_closed',
  'frozen',
  'ancestor_waiting',
  'not_your_tool',
  'call_id_reused',
  'duplicate_call',
  'not_in_lease',
  'argument_out_of_bounds',
  'budget_exhausted',
  'loop_detected',
  'denied_by_rule',
  'approval_denied',
  'approval_required',
  'approval_pending',
  'unavailable',
  'allowed',
] as const
export type ActionReason = (typeof ACTION_REASONS)[number]

/** What the caller does next: nothing, wait for a person, ask for another lease, or try again later. */
export type NextAction = 'none' | 'wait' | 'request' | 'retry'

/** An action as it is compared, recorded and bound to an approval. */
export function actionOnWire(action: Action): JsonObject {
  if (action.kind === 'tool') return { tool: action.tool, arguments: action.arguments }
  return { grant: action.grant, action: action.action, resource: action.resource }
}

/** What the action is on, as the decision point names it. */
export const resourceOf = (action: Action): { readonly type: 'tool' | 'grant'; readonly id: string } =>
  action.kind === 'tool' ? { type: 'tool', id: action.tool } : { type: 'grant', id: action.grant }

/** The arguments that rules see; a use of a grant has none. */
export const argumentsOf = (action: Action): JsonObject => (action.kind === 'tool' ? action.arguments : {})
