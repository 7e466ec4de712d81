import { pino, type Logger } from 'pino'
import pretty from 'pino-pretty'

export const LOG_FORMATS = ['json', 'pretty'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** Members that may hold a secret, wherever somebody puts them. */
const SECRET_MEMBERS = ['token', 'authorization', 'value', 'password', 'secret', 'access_token', 'cookie']

/**
 * Tokens of ours and compact JWTs, wherever they stand: in a message, a stack, a cause. Nothing logs one on purpose; this
 * is for the error text of a library that does.
 */
const TOKENS = /\bmf([a-z])_[0-9A-Za-z]{8,}|\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g

/** Structured logs to stderr, one JSON object a line, with secrets taken out. */
export function createLog(format: LogFormat): Logger {
  const options = {
    level: 'info',
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
    redact: { paths: SECRET_MEMBERS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    hooks: { streamWrite: redactTokens },
  }
  if (format === 'json') return pino(options, pino.destination({ fd: 2, sync: true }))
  return pino(options, pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' }))
}

export const redactTokens = (text: string): string =>
  text.replace(TOKENS, (_, kind: string | undefined) => (kind === undefined ? '[jwt]' : `[mf${kind}_]`))
