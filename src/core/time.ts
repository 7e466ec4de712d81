/** Milliseconds since the epoch. A plain number, so that SQLite and JSON keep it as it is. */
export type Instant = number

export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** RFC 3339 in UTC with milliseconds: the one form in which a time leaves the process. */
export const rfc3339 = (at: Instant): string => new Date(at).toISOString()

/** RFC 3339, or null where there is no time to tell. */
export const rfc3339OrNull = (at: Instant | null): string | null => (at === null ? null : rfc3339(at))
