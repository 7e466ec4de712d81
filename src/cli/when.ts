const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const

/** `in 4 min`, `3 h ago`: how far a time of the API is away. */
export function when(time: string, now: number = Date.now()): string {
  const seconds = Math.round((Date.parse(time) - now) / 1000)
  const far = span(Math.abs(seconds))
  return seconds > 0 ? `in ${far}` : `${far} ago`
}

/** `4 min`: the largest unit that fits, in whole numbers. */
export function span(seconds: number): string {
  const [size, unit] = UNITS.find(([each]) => seconds >= each) ?? [1, 's']
  return `${Math.floor(seconds / size)} ${unit}`
}
