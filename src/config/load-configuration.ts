import { dirname, resolve } from 'node:path'

import { NO_CONFIGURATION, type ConfiguredNames } from '../core/configured-names.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { Secret } from '../core/secret.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { checkFiles } from './check-files.ts'
import { checkReferences } from './check-references.ts'
import { compileConfiguration } from './compile-configuration.ts'
import type { ConfigurationSources } from './configuration-sources.ts'
import type { Configuration, SealKeySettings } from './configuration.ts'
import { namesOf } from './names-of.ts'
import { parseFile, type ParsedFile } from './parse-file.ts'
import { readYaml } from './read-yaml.ts'
import { whyUnreadable } from './why-unreadable.ts'

/** A configuration, or what is wrong with it and whatever could be read all the same. */
export interface LoadedConfiguration {
  /** Null where there is any fault. */
  readonly configuration: Configuration | null
  readonly faults: readonly Fault[]
  /** The rule files that could be read, so that rules are checked in the same pass. */
  readonly rules: readonly SourceDocument[]
  /** Whether those are all rule files that there are. */
  readonly allRules: boolean
  readonly names: ConfiguredNames
}

/** Reads a configuration and all files that it names. Every fault at once: an operator mends a file, not a line. */
export function loadConfiguration(file: string, sources: ConfigurationSources): LoadedConfiguration {
  const read = readDocument(file, sources)
  if (!read.ok) return { configuration: null, faults: read.error, rules: [], allRules: false, names: NO_CONFIGURATION }
  const parsed = parseFile(read.value)
  const names = namesOf(read.value.value)
  const resolvePath = (path: string): string => resolve(dirname(file), path)
  const fileFaults: Fault[] = []
  checkFiles(parsed.file, {
    sources,
    resolvePath,
    say: (path, message, mend) => void fileFaults.push(faultAt(parsed.document, path, { message, mend })),
  })
  const rules = [...new Set(parsed.file.rules)].map((path) =>
    readDocument(resolvePath(path), sources, {
      document: parsed.document,
      path: ['rules', parsed.file.rules.indexOf(path)],
    }),
  )
  const sealKey = sealKeyOf(parsed, sources.env, resolvePath)
  const faults = [
    ...parsed.faults,
    ...checkReferences(parsed, names),
    ...fileFaults,
    ...[...rules, sealKey].flatMap((each) => (each.ok ? [] : each.error)),
  ]
  const documents = rules.flatMap((each) => (each.ok ? [each.value] : []))
  const configuration =
    faults.length === 0 && sealKey.ok
      ? compileConfiguration(parsed, { sealKey: sealKey.value, rules: documents, resolvePath })
      : null
  const allRules = !parsed.broken.has('rules') && documents.length === rules.length
  return { configuration, faults, rules: documents, allRules, names }
}

/** A file as YAML. What is wrong with its path is told where the path was written. */
function readDocument(
  file: string,
  { readFile }: ConfigurationSources,
  named?: { readonly document: SourceDocument; readonly path: readonly (string | number)[] },
): Result<SourceDocument, readonly Fault[]> {
  let text: string
  try {
    text = readFile(file)
  } catch (error) {
    const said = whyUnreadable(file, error)
    return err([named ? faultAt(named.document, named.path, said) : { file, line: 1, column: 1, ...said }])
  }
  return readYaml(file, text)
}

function sealKeyOf(
  { document, file: { keys } }: ParsedFile,
  env: ConfigurationSources['env'],
  resolvePath: (path: string) => string,
): Result<SealKeySettings, readonly Fault[]> {
  if (keys.seal_key_file !== undefined) return ok({ from: 'file', file: resolvePath(keys.seal_key_file) })
  if (keys.seal_key === undefined) return ok({ from: 'data-folder' })
  const variable = keys.seal_key.slice('${env:'.length, -1)
  const value = env[variable]
  if (value === undefined || value === '') {
    const message = `The environment has no ${variable}`
    const mend = 'Set it before the start, or use keys.seal_key_file.'
    return err([faultAt(document, ['keys', 'seal_key'], { message, mend })])
  }
  return ok({ from: 'environment', variable, value: new Secret(value) })
}
