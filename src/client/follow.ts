import type { Page } from './resources.ts'

/** Everything that a list holds, page by page: the next page is asked for when the one before has been used up. */
export async function* follow<T>(page: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T, void> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { items, next_cursor }: Page<T> = await page(cursor)
    yield* items
    cursor = next_cursor
  }
}
