import { InvalidArgumentError } from 'commander'

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A whole number within bounds. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN
    if (number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }

/** A time, or how long ago: the API's form of it. */
export function moment(text: string): string {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const at = count === undefined ? Date.parse(text) : Date.now() - Number(count) * (UNIT_SECONDS[unit] ?? NaN) * 1000
  if (Number.isNaN(at))
    throw new InvalidArgumentError('It must be a time such as 2026-12-24T18:00:00Z, or how long ago: 30m, 2h, 7d.')
  return new Date(at).toISOString()
}

/** An option that may be given again: all of its values. */
export const collect = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
]
