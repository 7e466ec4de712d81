import type { Page } from '../client/resources.ts'

/** The longest page that the broker gives. */
const LONGEST_PAGE = 200

/** The first so many of a list as one page, over as many pages as that takes. */
export async function upTo<T>(
  limit: number,
  page: (of: { readonly limit: number; readonly cursor?: string }) => Promise<Page<T>>,
): Promise<Page<T>> {
  const items: T[] = []
  let cursor: string | null = null
  do {
    const size = Math.min(limit - items.length, LONGEST_PAGE)
    const next: Page<T> = await page({ limit: size, ...(cursor !== null && { cursor }) })
    items.push(...next.items)
    cursor = next.next_cursor
  } while (cursor !== null && items.length < limit)
  return { items, next_cursor: cursor }
}
