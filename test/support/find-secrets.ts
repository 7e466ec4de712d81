import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where somebody may look: a name, and what is found there. */
export interface Place {
  readonly name: string
  readonly content: Buffer
}

export const place = (name: string, content: string | Buffer): Place => ({ name, content: Buffer.from(content) })

/** Every file under a folder, byte for byte. */
export async function filesUnder(folder: string): Promise<readonly Place[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => ({ name, content: await readFile(join(parentPath, name)) })),
  )
}

/** A secret as it may be written: as it is, in UTF-16, in hex, and in base64 wherever in a longer text it begins. */
function formsOf(secret: string): readonly Buffer[] {
  if (secret.length < 16) throw new Error('So short a text stands everywhere')
  const inBase64 = [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
    // Without the characters that depend on what stands before and after it.
    return [padded.toString('base64').slice(4, -4), padded.toString('base64url').slice(4, -4)]
  })
  const hex = Buffer.from(secret).toString('hex')
  return [
    Buffer.from(secret, 'utf16le'),
    ...[secret, hex, hex.toUpperCase(), ...inBase64].map((form) => Buffer.from(form)),
  ]
}

/** The places in which one of the secrets stands, in whatever form. */
export function placesOf(secrets: readonly string[], places: readonly Place[]): readonly string[] {
  const forms = secrets.flatMap(formsOf)
  return places.filter(({ content }) => forms.some((form) => content.includes(form))).map(({ name }) => name)
}
