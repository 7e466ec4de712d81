import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { GENERATED } from './generated-files.ts'

/**
 * Writes every file that is made from code, or with `--check` says which differ from what the code would make and fails.
 * Docs and schemas that nobody regenerates are wrong within a month.
 */
const check = process.argv.includes('--check')
const root = new URL('../', import.meta.url)

/** The file as it stands, or undefined where there is none yet; any other trouble is thrown. */
const onDisk = async (file: URL): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

for (const { path, render } of GENERATED) {
  const file = new URL(path, root)
  const wanted = await render()
  if ((await onDisk(file)) === wanted) continue
  if (check) {
    process.stderr.write(`${path} is not what the code would make. Run: npm run generate\n`)
    process.exitCode = 1
  } else {
    await mkdir(new URL('./', file), { recursive: true })
    await writeFile(file, wanted)
    process.stdout.write(`Wrote ${path}\n`)
  }
}
