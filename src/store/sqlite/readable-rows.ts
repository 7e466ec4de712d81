/** Reads rows of a queue, and leaves out those that do not read: each is reported once, and never stops the others. */
export interface ReadableRows<T> {
  /** At most `limit` rows; fewer only where there are no more. `select` MUST find the same rows for the same limit. */
  readonly take: (limit: number, select: (limit: number) => readonly unknown[]) => readonly T[]
}

export function readableRows<T>(
  parse: (row: unknown) => T,
  unreadable: (id: string, error: unknown) => void,
): ReadableRows<T> {
  const poisoned = new Set<string>()

  function read(raw: unknown): readonly T[] {
    try {
      return [parse(raw)]
    } catch (error) {
      const { id } = raw as { readonly id: string }
      if (!poisoned.has(id)) unreadable(id, error)
      poisoned.add(id)
      return []
    }
  }

  return {
    take: (limit, select) => {
      for (;;) {
        const known = poisoned.size
        const rows = select(limit + known).flatMap(read)
        // One that was found just now has taken the place of another: look again, past it.
        if (poisoned.size === known) return rows.slice(0, limit)
      }
    },
  }
}
