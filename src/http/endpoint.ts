import type * as z from 'zod'

import type { Caller } from '../broker/caller.ts'
import type { Json } from '../core/json.ts'
import type { Result } from '../core/result.ts'
import type { Role } from '../core/role.ts'
import type { HttpRefusal } from './problem.ts'

/** What a handler sends back. A string is sent as it is, in the content type of its header. */
export interface Reply {
  readonly status: number
  readonly body: Json | string | null
  readonly headers?: Readonly<Record<string, string>>
}

/** One documented answer. */
interface Answer {
  readonly description: string
  readonly schema?: z.ZodType
  readonly contentType?: string
}

export interface Input<P, Q, B, C> {
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly caller: C
  /** Names this request in answers, logs and audit. */
  readonly requestId: string
  readonly header: (name: string) => string | undefined
  /** Where the request came from, as far as the proxies that are trusted say so. */
  readonly address: string
  /** For who waits: aborted when the client goes away or the broker stops. */
  readonly end: () => AbortSignal
}

type CallerKind = Caller['type']
type CallerOf<K extends CallerKind> = Extract<Caller, { readonly type: K }>

/**
 * One route, as data: who may call it, what it takes, what it answers, what it does. Express, the list of allowed
 * methods and the OpenAPI document are all made from it, so they cannot disagree.
 */
export interface Endpoint {
  readonly method: 'get' | 'post'
  /** With `{name}` for parameters, as OpenAPI writes it. */
  readonly path: string
  readonly summary: string
  readonly tag: string
  /** Empty: open to everyone. */
  readonly callers: readonly CallerKind[]
  /** What an operator needs at least. */
  readonly role: Role
  readonly params: z.ZodObject | null
  readonly query: z.ZodObject | null
  readonly body: z.ZodType | null
  readonly bodyType: 'json' | 'form'
  readonly headers: z.ZodObject | null
  /** It hands out authority, so it waits until the broker is ready. */
  readonly grants: boolean
  readonly answers: Readonly<Record<number, Answer>>
  /** Inputs have been parsed by the schemas above; a caller, where one is needed, has been authenticated. */
  readonly handle: (
    input: Input<unknown, unknown, unknown, Caller | null>,
  ) => Promise<Result<Reply, HttpRefusal>> | Result<Reply, HttpRefusal>
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : null

interface Definition<K extends CallerKind, P, Q, B, H> {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly summary: string
  readonly tag: string
  readonly callers: readonly K[]
  readonly role?: Role
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly bodyType?: 'json' | 'form'
  readonly headers?: H
  readonly grants?: true
  readonly answers: Readonly<Record<number, Answer>>
  readonly handle: (
    input: Input<Parsed<P>, Parsed<Q>, Parsed<B>, [K] extends [never] ? null : CallerOf<K>>,
  ) => Promise<Result<Reply, HttpRefusal>> | Result<Reply, HttpRefusal>
}

/** Ties the types of a handler's input to the schemas that parse it. */
export function endpoint<
  const K extends CallerKind = never,
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
  H extends z.ZodObject | undefined = undefined,
>(definition: Definition<K, P, Q, B, H>): Endpoint {
  const { params, query, body, headers, grants, role = 'viewer', bodyType = 'json', handle, ...rest } = definition
  return {
    ...rest,
    role,
    bodyType,
    grants: grants ?? false,
    params: params ?? null,
    query: query ?? null,
    body: body ?? null,
    headers: headers ?? null,
    // The one place where the checked input meets its type again: `dispatch.ts` parses with these very schemas.
    handle: handle as unknown as Endpoint['handle'],
  }
}
