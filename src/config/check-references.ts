import { BUILT_IN_LABELS } from '../core/catalogue.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import { isResource } from '../core/resource.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'
import { isLoopback } from '../core/is-loopback.ts'
import { nearest } from './nearest.ts'
import { spell } from './parse-file.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

/** RFC 6749 section 3.3: what a word of a scope may hold. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

type Say = (path: readonly Step[], message: string, mend: string) => void

/** What no schema can see: references to what does not exist, names twice, and half-configurations that would fail open. */
export function checkReferences(document: SourceDocument, file: ConfigurationFile): readonly Fault[] {
  const faults: Fault[] = []
  const say: Say = (path, message, mend) => void faults.push(faultAt(document, path, { message, mend }))
  uniqueNames(file, say)
  server(file, say)
  file.issuers.forEach((issuer, at) => checkIssuer(issuer, ['issuers', at], say))
  agents(file, say)
  providers(file, say)
  grants(file, say)
  labels(file, say)
  peps(file, say)
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

function server(
  { server: { listen, public_url, dangerously_listen_without_tls, trusted_proxies }, keys, store }: ConfigurationFile,
  say: Say,
): void {
  const loopback = isLoopback(listen.slice(0, listen.lastIndexOf(':')))
  if (!loopback && !dangerously_listen_without_tls && trusted_proxies.length === 0) {
    say(
      ['server', 'listen'],
      `${listen} is not loopback, and this listener has no TLS`,
      'Listen on 127.0.0.1 behind a proxy that ends TLS and is named in trusted_proxies, or set dangerously_listen_without_tls: true.',
    )
  }
  if (!loopback && public_url === undefined)
    say(
      ['server'],
      'server.public_url is missing',
      'Off loopback it must say the address that verifiers know the broker by.',
    )
  if (public_url?.startsWith('http:') === true && !isLoopback(new URL(public_url).hostname))
    say(['server', 'public_url'], 'server.public_url is http:', 'Write its https: address.')
  if (keys.seal_key !== undefined && keys.seal_key_file !== undefined)
    say(['keys'], 'keys names two seal keys', 'Keep one of seal_key_file and seal_key.')
  if (!loopback && keys.seal_key === undefined && keys.seal_key_file === undefined) {
    say(
      ['server', 'listen'],
      'Off loopback the seal key must not lie beside the data',
      'Name keys.seal_key_file, or keys.seal_key as an environment reference.',
    )
  }
  if (store.type === 'postgres') say(['store', 'type'], 'store.type postgres is not built yet', 'Use sqlite.')
}

function checkIssuer(issuer: ConfigurationFile['issuers'][number], path: readonly Step[], say: Say): void {
  if (issuer.type === 'spiffe') {
    say([...path, 'type'], 'Issuers of type spiffe are not built yet', 'Use oidc or jwks.')
    return
  }
  const address = issuer.type === 'oidc' ? issuer.issuer : issuer.jwks_url
  if (address?.startsWith('http:') === true && !isLoopback(new URL(address).hostname)) {
    say(
      [...path, issuer.type === 'oidc' ? 'issuer' : 'jwks_url'],
      `${address} is http: and not loopback`,
      'Write its https: address: whoever can change the keys on the way can be anybody.',
    )
  }
  if (issuer.type === 'jwks' && (issuer.jwks_file === undefined) === (issuer.jwks_url === undefined)) {
    say(path, `Issuer ${issuer.name} must name its keys once`, 'Write exactly one of jwks_file and jwks_url.')
  }
}

function agents(file: ConfigurationFile, say: Say): void {
  const issuers = file.issuers.map(({ name }) => name)
  const seen = new Map<string, string>()
  file.agents.forEach((agent, at) => {
    agent.identities.forEach((identity, index) => {
      const path = ['agents', at, 'identities', index]
      known(identity.issuer, issuers, [...path, 'issuer'], 'issuer', say)
      if (identity.subject === undefined && Object.keys(identity.claims ?? {}).length === 0) {
        say(path, `An identity of agent ${agent.id} matches every token of the issuer`, 'Name a subject, or claims.')
      }
      const key = JSON.stringify([
        identity.issuer,
        identity.subject ?? null,
        Object.entries(identity.claims ?? {}).sort(),
      ])
      const other = seen.get(key)
      if (other !== undefined && other !== agent.id)
        say(
          path,
          `Agents ${other} and ${agent.id} have the same identity`,
          'Nobody could tell them apart: give each its own subject or claims.',
        )
      seen.set(key, agent.id)
    })
    agent.grants.forEach((name, index) =>
      known(
        name,
        file.grants.map((grant) => grant.name),
        ['agents', at, 'grants', index],
        'grant',
        say,
      ),
    )
    agent.tools.forEach((name, index) =>
      known(
        name,
        file.tools.map((tool) => tool.name),
        ['agents', at, 'tools', index],
        'tool',
        say,
      ),
    )
    if (agent.grants.length + agent.tools.length === 0)
      say(
        ['agents', at],
        `Agent ${agent.id} has neither grants nor tools`,
        'It could never be given a lease: name some, or take it out.',
      )
  })
}

function providers(file: ConfigurationFile, say: Say): void {
  file.providers.forEach(({ type }, at) => {
    if (type !== 'jwt') say(['providers', at, 'type'], `Providers of type ${type} are not built yet`, 'Use jwt.')
  })
}

function grants(file: ConfigurationFile, say: Say): void {
  file.grants.forEach((grant, at) => {
    const path = ['grants', at]
    known(
      grant.provider,
      file.providers.map(({ name }) => name),
      [...path, 'provider'],
      'provider',
      say,
    )
    const type = file.providers.find(({ name }) => name === grant.provider)?.type
    if (type === 'jwt') {
      if (grant.audience === undefined)
        say(path, `Grant ${grant.name} has no audience`, 'Write the one API that its tokens are for.')
      grant.actions.forEach((action, index) => {
        if (!SCOPE_TOKEN.test(action))
          say(
            [...path, 'actions', index],
            `"${action}" is not a scope token`,
            'Write it without blanks, quotes and backslashes (RFC 6749 section 3.3).',
          )
      })
      for (const member of [
        'role_arn',
        'external_id',
        'early_revocation',
        'path',
        'method',
        'data',
        'policies',
      ] as const) {
        if (grant[member] !== undefined)
          say([...path, member], `${spell([...path, member])} means nothing to a jwt provider`, 'Take it out.')
      }
    }
    grant.resources.forEach((resource, index) => {
      if (!isResource(resource))
        say(
          [...path, 'resources', index],
          `"${resource}" is not a resource`,
          'Write it exactly, or end it in one "*" after "/" or ":".',
        )
    })
  })
}

function labels(file: ConfigurationFile, say: Say): void {
  const words = [...BUILT_IN_LABELS, ...file.labels]
  for (const list of ['grants', 'tools'] as const) {
    file[list].forEach((each, at) => {
      each.labels.forEach((label, index) => known(label, words, [list, at, 'labels', index], 'label', say))
    })
  }
}

function peps(file: ConfigurationFile, say: Say): void {
  file.peps.forEach((pep, at) => {
    pep.tools.forEach((pattern, index) => {
      const hits = file.tools.some(({ name }) =>
        pattern.endsWith('.*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
      )
      if (!hits)
        say(
          ['peps', at, 'tools', index],
          `${pattern} names no tool of the catalogue`,
          'Mend the name, or add the tool.',
        )
    })
  })
}

function known(name: string, all: readonly string[], path: readonly Step[], kind: string, say: Say): void {
  if (all.includes(name)) return
  const close = nearest(name, all)
  say(
    path,
    `There is no ${kind} ${name}`,
    close === undefined
      ? `Add it, or name one of: ${all.slice(0, 12).join(', ') || '(none is configured)'}.`
      : `Did you mean ${close}?`,
  )
}
