const SAID = {
  'no-connection': 'No connection to',
  timeout: 'No answer in time from',
  'not-mayfly': 'This does not answer as Mayfly does:',
} as const

/** The broker did not answer: whether it did what it was asked is not known. */
export class MayflyUnreachable extends Error {
  override readonly name = 'MayflyUnreachable'
  readonly reason: keyof typeof SAID
  readonly url: string

  constructor(reason: keyof typeof SAID, url: string, cause?: unknown) {
    const why = whyOf(cause)
    super(`${SAID[reason]} ${url}${why === undefined ? '' : ` (${why})`}`, { cause })
    this.reason = reason
    this.url = url
  }
}

/** `fetch` hides what happened, such as ECONNREFUSED, one cause further down. */
function whyOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.cause instanceof Error ? (whyOf(error.cause) ?? error.cause.message) : undefined
}
