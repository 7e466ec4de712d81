import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Found, PageRequest } from '../broker/store-port.ts'

/**
 * A page of a list, over as many looks as it takes to fill it: what is rare among a million rows takes a second to find,
 * and everybody else has the loop in between.
 */
export async function wholePage<T>(
  look: (page: PageRequest) => Found<T>,
  { limit, after }: PageRequest,
): Promise<readonly T[]> {
  const found: T[] = []
  for (let from = after; ;) {
    const { rows, resume } = look({ limit: limit - found.length, after: from })
    found.push(...rows)
    if (resume === null || found.length >= limit) return found
    from = resume
    await nextTurn()
  }
}
