import type { Json } from '../json.ts'
import { isNot, UNREADABLE, type Check } from './check.ts'
import { compareDecimals, readDecimal } from './decimal.ts'

const within =
  (holds: (order: number) => boolean, otherwise: string): Check =>
  (bound: Json, value: Json) => {
    if (typeof value === 'number' && typeof bound === 'number') return holds(value - bound) ? undefined : otherwise
    const decimal = readDecimal(value)
    if (!decimal) return isNot('a number or a decimal string', value)
    const limit = readDecimal(bound)
    if (!limit) return UNREADABLE
    return holds(compareDecimals(decimal, limit)) ? undefined : otherwise
  }

export const max = within((order) => order <= 0, 'is more than that')
export const min = within((order) => order >= 0, 'is less than that')
