import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { Secret } from '../../../../src/core/secret.ts'
import { loadSealKey } from '../../../../src/store/keys/load-seal-key.ts'
import { createSealer } from '../../../../src/store/keys/sealer.ts'
import { ringIn } from './ring.ts'

/**
 * A process of its own: `crash-at.ts STEP FOLDER NOW [SEAL_KEY_HEX [rotate|anew]]` starts on the folder, which makes the
 * keys that are due, changes them by hand where it is told to, and is killed before the given step of writing. Half of a
 * file's text is on disk when a kill falls on it.
 */
const [step = '', folder = '', now = '', sealKey, change] = process.argv.slice(2)
let left = Number(step)

const killed = (): boolean => {
  left -= 1
  return left < 0
}
const die = (): void => void process.kill(process.pid, 'SIGKILL')

const { open, link, rename, unlink } = fs
fs.open = async (...args) => {
  const writes = args[1] === 'wx'
  if (writes && killed()) die()
  const handle = await open(...args)
  return writes ? fragile(handle) : handle
}
fs.link = async (...args) => {
  if (killed()) die()
  await link(...args)
}
fs.rename = async (...args) => {
  if (killed()) die()
  await rename(...args)
}
fs.unlink = async (...args) => {
  if (killed()) die()
  await unlink(...args)
}
syncBuiltinESMExports()

function fragile(handle: FileHandle): FileHandle {
  const [writeFile, sync] = [handle.writeFile.bind(handle), handle.sync.bind(handle)]
  return Object.assign(handle, {
    async writeFile(text: string) {
      if (killed()) {
        await writeFile(text.slice(0, text.length / 2))
        die()
      }
      await writeFile(text)
    },
    async sync() {
      if (killed()) die()
      await sync()
    },
  })
}

const key =
  sealKey === undefined
    ? (await loadSealKey({ from: 'data-folder' }, folder)).key
    : new Secret(Buffer.from(sealKey, 'hex'))
const ring = await ringIn(folder, { sealer: createSealer(key), now: Number(now) })
if (change === 'rotate') await ring.rotate()
if (change === 'anew') {
  await ring.startAnew(Number(now))
  await ring.forget(ring.outdated(Number(now)))
}
