import { BUILT_IN_LABELS } from '../core/catalogue.ts'
import type { ConfiguredNames } from '../core/configured-names.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import { isJsonObject } from '../core/json.ts'
import { selects } from '../core/name-pattern.ts'
import { nearest } from '../core/nearest.ts'
import type { Step } from '../core/source-document.ts'
import { checkGrant } from './check-grant.ts'
import { checkProvider } from './check-provider.ts'
import { checkIssuer } from './check-issuer.ts'
import { checkServer } from './check-server.ts'
import type { ParsedFile } from './parse-file.ts'
import type { Say } from './say.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

/** What no schema can see: references to what does not exist, names twice, and half-configurations that would fail open. */
export function checkReferences(parsed: ParsedFile, names: ConfiguredNames): readonly Fault[] {
  const { file, document, broken, unsure } = parsed
  const faults: Fault[] = []
  const say: Say = (path, message, mend) => {
    if (!unsure(path)) faults.push(faultAt(document, path, { message, mend }))
  }
  const whole = (...members: readonly string[]): boolean => !members.some((member) => broken.has(member))
  uniqueNames(file, say)
  if (whole('server')) checkServer(file, whole('keys'), say)
  file.issuers.forEach((issuer, at) => checkIssuer(issuer, ['issuers', at], say))
  if (whole('grants', 'tools') && isJsonObject(document.value) && file.grants.length + file.tools.length === 0)
    say(
      [],
      'There are neither grants nor tools',
      'Write grants, tools or both: without them there is nothing to ask for.',
    )
  agents(file, names, say)
  file.providers.forEach((provider, at) => checkProvider(provider, ['providers', at], say))
  file.grants.forEach((grant, at) => {
    known(grant.provider, names.providers, ['grants', at, 'provider'], 'provider', say)
    checkGrant(grant, file.providers.find(({ name }) => name === grant.provider)?.type, ['grants', at], say)
  })
  labels(file, names, say)
  peps(file, names, say)
  return faults
}

function uniqueNames(file: ConfigurationFile, say: Say): void {
  const lists = {
    issuers: file.issuers.map(({ name }) => name),
    agents: file.agents.map(({ id }) => id),
    operators: file.operators.map(({ id }) => id.toLowerCase()),
    peps: file.peps.map(({ name }) => name),
    providers: file.providers.map(({ name }) => name),
    grants: file.grants.map(({ name }) => name),
    tools: file.tools.map(({ name }) => name),
    rules: file.rules,
  }
  for (const [list, names] of Object.entries(lists)) {
    names.forEach((name, at) => {
      if (names.indexOf(name) < at)
        say([list, at], `${list} holds ${name} twice`, 'Give one of them another name, or take it out.')
    })
  }
  const hashes = [
    ...file.operators.map((each, at) => ({ each, path: ['operators', at] })),
    ...file.peps.map((each, at) => ({ each, path: ['peps', at] })),
  ]
  hashes.forEach(({ each, path }, at) => {
    if (hashes.findIndex((other) => other.each.token_sha256 === each.token_sha256) < at)
      say([...path, 'token_sha256'], 'Two holders share one token', 'Make another with mayfly token new.')
  })
}

function agents(file: ConfigurationFile, names: ConfiguredNames, say: Say): void {
  const seen = new Map<string, string>()
  file.agents.forEach((agent, at) => {
    agent.identities.forEach((identity, index) => {
      const path = ['agents', at, 'identities', index]
      known(identity.issuer, names.issuers, [...path, 'issuer'], 'issuer', say)
      const claims = Object.entries(identity.claims ?? {}).sort()
      if (identity.subject === undefined && claims.length === 0)
        say(path, `An identity of agent ${agent.id} matches every token of the issuer`, 'Name a subject, or claims.')
      const key = JSON.stringify([identity.issuer, identity.subject ?? null, claims])
      const other = seen.get(key)
      if (other !== undefined && other !== agent.id)
        say(
          path,
          `Agents ${other} and ${agent.id} have the same identity`,
          'Nobody could tell them apart: give each its own subject or claims.',
        )
      seen.set(key, agent.id)
    })
    agent.grants.forEach((name, index) => known(name, names.grants, ['agents', at, 'grants', index], 'grant', say))
    agent.tools.forEach((name, index) => known(name, names.tools, ['agents', at, 'tools', index], 'tool', say))
  })
}

function labels(file: ConfigurationFile, names: ConfiguredNames, say: Say): void {
  const words = names.labels && [...BUILT_IN_LABELS, ...names.labels]
  for (const list of ['grants', 'tools'] as const) {
    file[list].forEach((each, at) => {
      each.labels.forEach((label, index) => known(label, words, [list, at, 'labels', index], 'label', say))
    })
  }
}

function peps(file: ConfigurationFile, { tools }: ConfiguredNames, say: Say): void {
  file.peps.forEach((pep, at) => {
    pep.tools.forEach((pattern, index) => {
      if (tools && !tools.some((name) => selects(pattern, name)))
        say(
          ['peps', at, 'tools', index],
          `${pattern} names no tool of the catalogue`,
          'Mend the name, or add the tool.',
        )
    })
  })
}

function known(name: string, all: readonly string[] | null, path: readonly Step[], kind: string, say: Say): void {
  if (all === null || all.includes(name)) return
  const close = nearest(name, all)
  const choices = all.length > 0 ? `name one of: ${all.slice(0, 12).join(', ')}` : 'take this out'
  say(path, `There is no ${kind} ${name}`, close === undefined ? `Add it, or ${choices}.` : `Did you mean ${close}?`)
}
