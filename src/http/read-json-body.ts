import type { IncomingMessage } from 'node:http'

import type { Json } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import { parseStrictJson } from '../core/strict-json.ts'
import type { HttpRefusal } from './problem.ts'

const MAX_BYTES = 64 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The guarded parser that every body passes before anything else sees it. At most 64 KiB; whole bytes or nothing, so a
 * character cut in two between packets is no character. An empty body is undefined.
 */
export async function readJsonBody(req: IncomingMessage): Promise<Result<Json | undefined, HttpRefusal>> {
  const text = await readText(req, /^application\/json(\s*;\s*charset=utf-8)?\s*$/i, 'application/json')
  if (!text.ok || text.value === undefined) return text
  const parsed = parseStrictJson(text.value)
  return parsed.ok ? parsed : err({ reason: 'invalid-request', detail: `The body ${parsed.error}.` })
}

/** A form body (RFC 7662 asks for one). A parameter given twice is refused, as RFC 6749 section 3.2 demands. */
export async function readFormBody(
  req: IncomingMessage,
): Promise<Result<Readonly<Record<string, string>>, HttpRefusal>> {
  const text = await readText(
    req,
    /^application\/x-www-form-urlencoded(\s*;.*)?$/i,
    'application/x-www-form-urlencoded',
  )
  if (!text.ok) return text
  const form = new URLSearchParams(text.value ?? '')
  const names = [...form.keys()]
  if (new Set(names).size < names.length)
    return err({ reason: 'invalid-request', detail: 'A form parameter is given twice.' })
  return ok(Object.fromEntries(form))
}

async function readText(
  req: IncomingMessage,
  type: RegExp,
  name: string,
): Promise<Result<string | undefined, HttpRefusal>> {
  const bytes = await readBytes(req)
  if (bytes === 'too-large') return err({ reason: 'payload-too-large' })
  if (bytes.length === 0) return ok(undefined)
  if (!type.test(req.headers['content-type'] ?? '')) {
    return err({ reason: 'invalid-request', detail: `The body must be sent as ${name} in UTF-8.` })
  }
  if (req.headers['content-encoding'] !== undefined && req.headers['content-encoding'] !== 'identity') {
    return err({ reason: 'invalid-request', detail: 'The body must not be compressed.' })
  }
  try {
    return ok(utf8.decode(bytes))
  } catch {
    return err({ reason: 'invalid-request', detail: 'The body is not UTF-8.' })
  }
}

/** Rejects only when the connection breaks: then there is nobody left to answer. */
function readBytes(req: IncomingMessage): Promise<Buffer | 'too-large'> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_BYTES) return Promise.resolve('too-large')
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= MAX_BYTES) chunks.push(chunk)
      else resolve('too-large')
    })
    req.on('end', () => {
      resolve(Buffer.concat(chunks))
    })
    req.on('error', reject)
  })
}
