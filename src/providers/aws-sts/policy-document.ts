/** One member of a policy document, which is whatever IAM has kept; undefined where there is none. */
export const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? new Map<string, unknown>(Object.entries(value)).get(name) : undefined

/** IAM lets one thing stand without its list. */
export const list = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value]

export const texts = (value: unknown): readonly string[] => list(value).filter((each) => typeof each === 'string')

export const statements = (policy: unknown, effect: 'Allow' | 'Deny'): readonly unknown[] =>
  list(member(policy, 'Statement')).filter((statement) => member(statement, 'Effect') === effect)
