import { list, texts } from '../policy-document.ts'

/** `depends`: on something that is not known here. */
export type Answer = 'yes' | 'no' | 'depends'

/**
 * What is known of a request, by condition key in lower case: its values, none where the key is absent, `some` where it
 * has a value that is not known beforehand. A key that is not in it at all is not known.
 */
export type Context = ReadonlyMap<string, readonly string[] | 'some'>

/** Whether all conditions of a statement hold. An operator or key that is not understood is never taken for either. */
export function conditionHolds(condition: unknown, context: Context): Answer {
  const answers = entries(condition).flatMap(([operator, keys]) =>
    entries(keys).map(([key, wanted]) => holds(operator, texts(list(wanted)), context.get(key.toLowerCase()))),
  )
  return answers.includes('no') ? 'no' : answers.includes('depends') ? 'depends' : 'yes'
}

const OPERATOR = /^(ForAnyValue:|ForAllValues:)?(String|Arn)(Not)?(Equals|Like)(IgnoreCase)?(IfExists)?$/

function holds(operator: string, wanted: readonly string[], values: readonly string[] | 'some' | undefined): Answer {
  if (values === undefined) return 'depends'
  if (operator === 'Null') return (wanted[0] === 'true') === (values !== 'some' && values.length === 0) ? 'yes' : 'no'
  const [understood, each = '', kind, not, how, ignoreCase = '', ifExists] = OPERATOR.exec(operator) ?? []
  if (understood === undefined) return 'depends'
  const patterns = wanted.map((text) => patternOf(text, kind === 'Arn' || how === 'Like', ignoreCase))
  if (values === 'some') return not === undefined && patterns.some((pattern) => pattern.test('')) ? 'yes' : 'depends'
  // An absent key holds for every negated operator, and for those that ask for it only if it exists.
  if (values.length === 0) return ifExists !== undefined || not !== undefined || each === 'ForAllValues:' ? 'yes' : 'no'
  const hit = (value: string): boolean => patterns.some((pattern) => pattern.test(value)) === (not === undefined)
  return (each === 'ForAllValues:' ? values.every(hit) : values.some(hit)) ? 'yes' : 'no'
}

/** `*` and `?` in a text that is compared as a pattern; each other sign stands for itself. */
function patternOf(text: string, isPattern: boolean, ignoreCase: string): RegExp {
  const exact = text.replace(/[\\^$.|+()[\]{}*?]/g, '\\$&')
  const source = isPattern ? exact.replaceAll('\\*', '.*').replaceAll('\\?', '.') : exact
  return new RegExp(`^${source}$`, ignoreCase === '' ? 's' : 'si')
}

const entries = (value: unknown): readonly (readonly [string, unknown])[] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : []
