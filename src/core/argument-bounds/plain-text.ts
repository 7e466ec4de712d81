/** Longest run of combining marks (UAX #15, Stream-Safe Text Format); no language needs as many. */
const UNSAFE_RUN = /\p{M}{31}/u

export const TOO_MANY_MARKS = 'holds more than 30 combining marks in a row'

/**
 * The text in a Unicode normal form; undefined where it holds a run of combining marks that would take quadratic time
 * to put in order.
 */
export const normalised = (text: string, form: 'NFC' | 'NFKC'): string | undefined =>
  UNSAFE_RUN.test(text) ? undefined : text.normalize(form)
