/** One JSON value as one line, every sign that a terminal would act on escaped: the same value to whoever parses it. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replace(/[\u007f-\u009f\p{Cf}\u2028\u2029]/gu, escaped)}\n`

const escaped = (sign: string): string =>
  Array.from({ length: sign.length }, (_, at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')
