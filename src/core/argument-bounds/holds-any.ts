/** Up to this many units of wanted text, looking for one text after the other costs less than preparing for all. */
const FEW = 64

/**
 * Whether a text holds one of these, in time linear in all of them together (Aho and Corasick 1975). All of them are an
 * attacker's, and the built-in search can be driven to the product of their lengths.
 */
export function holdsAny(text: string, wanted: readonly string[]): boolean {
  if (wanted.reduce((units, each) => units + each.length, 0) <= FEW) return wanted.some((each) => text.includes(each))
  if (wanted.includes('')) return true
  const { ends, next } = beginningsOf(wanted)
  for (let at = 0, state = 0; at < text.length; at += 1) {
    state = next(state, text.charCodeAt(at))
    if (ends.has(state)) return true
  }
  return false
}

/** The beginnings of the wanted texts, numbered from the empty one, 0. */
interface Beginnings {
  /** Those that end in a wanted text. */
  readonly ends: ReadonlySet<number>
  /** The longest beginning that a text ends in, once one more unit is read behind one that ended in `state`. */
  readonly next: (state: number, unit: number) => number
}

/** All beginnings of one length before those of the next, so that the longest shorter ending of each is already known. */
function beginningsOf(wanted: readonly string[]): Beginnings {
  const longer = new Map<number, number>()
  const shorter: number[] = [0]
  const ends = new Set<number>()
  const edge = (state: number, unit: number): number => state * 0x10000 + unit
  const next = (state: number, unit: number): number => {
    let from = state
    while (from > 0 && !longer.has(edge(from, unit))) from = shorter[from] ?? 0
    return longer.get(edge(from, unit)) ?? 0
  }
  let open = wanted.map((text) => ({ text, state: 0 }))
  for (let length = 0; open.length > 0; length += 1) {
    open = open.flatMap(({ text, state }) => {
      const unit = text.charCodeAt(length)
      const known = longer.get(edge(state, unit))
      const reached = known ?? shorter.length
      if (known === undefined) {
        const ending = state === 0 ? 0 : next(shorter[state] ?? 0, unit)
        longer.set(edge(state, unit), reached)
        shorter.push(ending)
        if (ends.has(ending)) ends.add(reached)
      }
      if (text.length === length + 1) ends.add(reached)
      return text.length > length + 1 ? [{ text, state: reached }] : []
    })
  }
  return { ends, next }
}
