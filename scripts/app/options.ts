import { InvalidArgumentError } from 'commander'

/** For commander: a whole number in a range, or wrong usage that names the option and the range. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < from || value > to) {
      throw new InvalidArgumentError(`Give a whole number from ${from} to ${to}.`)
    }
    return value
  }
}

/** For commander: an option that may be given more than once. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text]
}

export const tenantId = wholeNumber(1, 2 ** 31 - 1)

export function uuid(text: string): string {
  return uuidOr(text, 'Give a uuid.')
}

function uuidOr(text: string, advice: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new InvalidArgumentError(advice)
  }
  return text.toLowerCase()
}

/** A number or a uuid, as all that people name has both. */
export function numberOrUuid(text: string): string {
  return /^\d{1,18}$/.test(text) ? text : uuidOr(text, 'Give a number or a uuid.')
}

/** For commander: a span of time as `90m`, `24h`, `7d`, in ms. */
export function span(text: string): number {
  const ms = readSpan(text)
  if (ms === null) throw new InvalidArgumentError('Give a span such as 30s, 90m, 24h or 7d.')
  return ms
}

function readSpan(text: string): number | null {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400 }[unit]
  return seconds === undefined ? null : Number(count) * seconds * 1_000
}

/** For commander: a time in ISO 8601, or so long ago: `90m`, `24h`, `7d`. */
export function time(text: string): Date {
  const ago = readSpan(text)
  if (ago !== null) return new Date(Date.now() - ago)
  const date = new Date(text)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('Give a time such as 2026-11-20T10:00:00Z, or so long ago: 24h.')
  }
  return date
}
