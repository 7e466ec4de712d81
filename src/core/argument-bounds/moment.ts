import { withoutTrailingZeros } from './decimal.ts'

/** RFC 3339, where `T` may be a blank, and seconds or offset may be missing, or a date alone. */
const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?)?$/

/**
 * A date, a local date-time or an instant, in one spelling. The three never equal one another: which instant a local
 * time is depends on who reads it. None for a day or hour that does not exist, a leap second and a year before 100.
 */
export function readMoment(text: string): readonly string[] {
  const match = MOMENT.exec(text)
  if (!match) return []
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second = '0',
    fraction = '',
    utc,
    sign,
    offsetHours = '0',
    offsetMinutes = '0',
  ] = match
  const [h, m, s] = [Number(hour ?? 0), Number(minute ?? 0), Number(second)]
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day))
  if (!isDay(midnight, `${year}-${month}-${day}`) || h > 23 || m > 59 || s > 59) return []
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return []
  const seconds = midnight / 1000 + h * 3600 + m * 60 + s
  const offset = (Number(offsetHours) * 3600 + Number(offsetMinutes) * 60) * (sign === '-' ? -1 : 1)
  const kind = hour === undefined ? 'day' : utc || sign ? 'instant' : 'local'
  return [`${kind} ${seconds - offset}.${withoutTrailingZeros(fraction)}`]
}

/** `Date.UTC` carries 30 February into March and takes the year 99 for 1999. */
const isDay = (midnight: number, text: string): boolean => new Date(midnight).toISOString().startsWith(text)
