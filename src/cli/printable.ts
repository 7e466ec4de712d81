const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * Text of unknown origin as one line that a terminal only shows: control characters, text direction and invisible signs
 * are spelt out. An agent writes its goal; it must not write on the approver's screen.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, (sign) => SHORT[sign] ?? `\\u{${codeOf(sign)}}`)

const codeOf = (sign: string): string => (sign.codePointAt(0) ?? 0).toString(16)
