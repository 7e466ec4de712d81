import type { Decision } from '../client/resources.ts'

/** The rules of a decision that stood in the way: those that deny or ask, and do not only observe. */
export const stopsOf = ({ rules }: Decision): Decision['rules'] =>
  rules.filter(({ effect, mode }) => effect !== 'risk' && mode === 'enforce')
