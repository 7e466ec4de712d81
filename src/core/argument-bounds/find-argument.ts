import { isJsonObject, type Json, type JsonObject } from '../json.ts'

const INDEX = /^(?:0|[1-9][0-9]*)$/

/** The steps from the arguments to what a key names: one name, or a JSON Pointer (RFC 6901) where it starts with `/`. */
export function stepsOf(key: string): readonly string[] {
  if (!key.startsWith('/')) return [key]
  return key
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** What a key names; undefined where it or something above it is not there. Only an argument's own members are. */
export function findArgument(args: JsonObject, key: string): Json | undefined {
  let found: Json | undefined = args
  for (const step of stepsOf(key)) found = partOf(found, step)
  return found
}

function partOf(value: Json | undefined, step: string): Json | undefined {
  if (isJsonObject(value)) return Object.hasOwn(value, step) ? value[step] : undefined
  if (!Array.isArray(value) || !INDEX.test(step)) return undefined
  const items: readonly Json[] = value
  return items[Number(step)]
}

/**
 * Where an argument, or a part of one, stands that no key names: for entries that allow `only` what they name. A named
 * value is named with all that is in it; something above it only as far as it leads there.
 */
export function unnamedArgument(args: JsonObject, keys: readonly string[]): string | undefined {
  const unnamed = unnamedIn(args, keys.map(stepsOf))
  if (!unnamed) return undefined
  const [name = '', ...below] = unnamed
  const isName = below.length === 0 && name !== '' && !name.startsWith('/')
  return isName ? name : unnamed.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The steps to a part of a list or object that none of these ways leads to or through. */
function unnamedIn(whole: object, ways: readonly (readonly string[])[]): readonly string[] | undefined {
  const byStep = Map.groupBy(ways, ([first]) => first)
  for (const [step, part] of Object.entries<Json>({ ...whole })) {
    const onward = byStep.get(step)?.map(([, ...rest]) => rest) ?? []
    if (onward.some((way) => way.length === 0)) continue
    if (onward.length === 0 || typeof part !== 'object' || part === null) return [step]
    const unnamed = unnamedIn(part, onward)
    if (unnamed) return [step, ...unnamed]
  }
  return undefined
}
