import { open, type FileHandle } from 'node:fs/promises'
import { AwsFailure } from './aws-failure.ts'

/** Group and others: nobody but the broker's own user may read a key. */
const OTHERS = 0o077
const MAX_BYTES = 4096

/** The text of a file that holds one half of an access key. Mode and text are of one open file, so that it can't be swapped. */
export async function readKeyFile(file: string): Promise<string> {
  await using handle = await openKey(file)
  const { mode, size } = await handle.stat()
  if ((mode & OTHERS) !== 0) throw unusable(file, `others than its owner may use it. Run: chmod 600 '${file}'`)
  const text = size > MAX_BYTES ? '' : (await handle.readFile('utf8')).trim()
  // One word: whatever else there is in the file would go into the header of a request.
  if (!/^[\x21-\x7e]+$/.test(text)) throw unusable(file, 'it does not hold one key and nothing else')
  return text
}

const openKey = (file: string): Promise<FileHandle> =>
  open(file, 'r').catch(() => {
    throw unusable(file, 'it cannot be opened. Check its name, owner and mode (0600)')
  })

const unusable = (file: string, why: string): AwsFailure =>
  new AwsFailure({ class: 'unknown', code: 'KeyFile', message: `The AWS key file ${file} is not usable: ${why}` })
