import * as z from 'zod'

import { parseHostName } from '../../core/argument-bounds/host-name.ts'
import { parsePath } from '../../core/argument-bounds/path-bounds.ts'
import { parseHostBound, parseUrlPrefix } from '../../core/argument-bounds/url-bounds.ts'
import { COMPARE_AS } from '../../core/tool-access.ts'
import { FreeJson } from './atoms.ts'

const DECIMAL = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/

const Text = z.string().min(1).max(1024)
const oneOrMore = (text: z.ZodString) => z.union([text, z.array(text).min(1).max(256)])
const Bound = z.union([z.number(), z.string().regex(DECIMAL, 'must be a number or a decimal string')])
const Length = z.int().min(0).max(1_000_000)
const Values = z.array(FreeJson).min(1).max(256)
const Host = z
  .string()
  .max(260)
  .refine(
    (text) => parseHostBound(text).ok,
    'must be a host name in one script, an IPv4 address or [IPv6], with :port if need be',
  )
const Domain = z
  .string()
  .max(253)
  .refine((text) => parseHostName(text).ok, 'must be a host name in one script')
// eslint-disable-next-line no-control-regex -- NUL is what is being refused
const ABSOLUTE_PATH = /^\/(?!.*(^|\/)\.\.?(\/|$))[^\\%\u0000]*$/u
const AbsolutePath = z
  .string()
  .max(1024)
  .regex(ABSOLUTE_PATH, { abort: true, error: 'must be a normalised absolute path' })
  .refine((text) => parsePath(text).ok, 'must be a normalised absolute path')
const HttpUrl = z
  .string()
  .max(1024)
  .regex(/^https?:\/\/[^\s\\@]+$/i, { abort: true, error: 'must be an http(s) URL without user information' })
  .refine(
    (text) => parseUrlPrefix(text).ok,
    'must be an http(s) URL that every parser reads alike, without dot segments',
  )

/**
 * The bounds on one argument; all that are given hold. An unknown bound is refused, because a bound that nobody checks
 * reads like one that holds.
 */
export const ArgumentBounds = z
  .strictObject({
    equals: FreeJson.optional(),
    one_of: Values.optional(),
    as: z.enum(COMPARE_AS).optional(),
    prefix: oneOrMore(Text).optional(),
    suffix: oneOrMore(Text).optional(),
    contains: oneOrMore(Text).optional(),
    max: Bound.optional(),
    min: Bound.optional(),
    max_length: Length.optional(),
    max_items: Length.optional(),
    within_path: AbsolutePath.optional(),
    host: oneOrMore(Host).optional(),
    url_prefix: oneOrMore(HttpUrl).optional(),
    recipient_domain: oneOrMore(Domain).optional(),
    subset_of: Values.optional(),
    absent: z.literal(true).optional(),
  })
  .refine((bounds) => bounds.as === undefined || bounds.equals !== undefined || bounds.one_of || bounds.subset_of, {
    message: '"as" says how to compare: it needs equals, one_of or subset_of beside it',
    path: ['as'],
  })
  .meta({ id: 'ArgumentBounds', description: 'Bounds on one argument of a tool; all of them hold' })

/** An argument's name, or a JSON Pointer where it starts with `/`. */
export const ArgumentName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^(?:[^/].*|(?:\/(?:[^~]|~[01])*))$/su, 'must be a name, or a JSON Pointer with ~ escaped as ~0')
