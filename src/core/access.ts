import type { JsonObject } from './json.ts'
import { err, ok, type Result } from './result.ts'
import { isResource, resourceInside } from './resource.ts'

/** What a caller asks of one grant. Null: it named nothing, so it gets the grant's ceiling. */
export interface AskedAccess {
  readonly grant: string
  readonly actions: readonly string[] | null
  readonly resources: readonly string[] | null
}

/** What a lease may use of one grant. Empty lists mean that the grant has none to narrow by. */
export interface GrantedAccess {
  readonly grant: string
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}

export interface Ceiling {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}

/** What lies outside the ceiling. `value` is what the caller wrote. */
export interface NotInside {
  readonly member: 'actions' | 'resources'
  readonly value: string
}

export interface Narrowed {
  readonly access: GrantedAccess
  /** The caller left out what it could have narrowed: rules may charge for that. */
  readonly broad: boolean
}

/**
 * The asked access, if all of it lies inside the ceiling. An access entry may only narrow: requested actions are exact
 * and compared exactly, resources lie inside one of the ceiling's. Nothing is ever dropped silently.
 */
export function narrow(asked: AskedAccess, ceiling: Ceiling): Result<Narrowed, NotInside> {
  const actions = asked.actions ?? ceiling.actions
  const resources = asked.resources ?? ceiling.resources
  const action = actions.find((each) => !ceiling.actions.includes(each))
  if (action !== undefined) return err({ member: 'actions', value: action })
  const resource = resources.find(
    (each) => !isResource(each) || !ceiling.resources.some((outer) => resourceInside(each, outer)),
  )
  if (resource !== undefined) return err({ member: 'resources', value: resource })
  const leftOut = (named: unknown, outer: readonly string[]): boolean => named === null && outer.length > 0
  return ok({
    access: { grant: asked.grant, actions, resources },
    broad: leftOut(asked.actions, ceiling.actions) || leftOut(asked.resources, ceiling.resources),
  })
}

/** The part of an access entry that another entry for the same grant allows too; undefined where they share nothing. */
export function intersect(access: GrantedAccess, cut: AskedAccess): GrantedAccess | undefined {
  const actions = access.actions.filter((action) => cut.actions?.includes(action) ?? true)
  const resources = cut.resources === null ? access.resources : shared(access.resources, cut.resources)
  const empty = (left: readonly string[], before: readonly string[]): boolean => left.length === 0 && before.length > 0
  return empty(actions, access.actions) || empty(resources, access.resources)
    ? undefined
    : { grant: access.grant, actions, resources }
}

/** Two resources are one inside the other, or have nothing in common: each ends in one `*` at most. */
function shared(some: readonly string[], others: readonly string[]): readonly string[] {
  const inside = (inner: readonly string[], outer: readonly string[]): readonly string[] =>
    inner.filter((each) => outer.some((ceiling) => resourceInside(each, ceiling)))
  return [...new Set([...inside(some, others), ...inside(others, some)])]
}

/** An access entry as the API and the audit show it. */
export const accessOnWire = ({ grant, actions, resources }: GrantedAccess): JsonObject => ({
  grant,
  actions,
  resources,
})
