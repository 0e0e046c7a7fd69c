/**
 * Numbers, bytes and enums as Baileys' events spell them. Which spelling comes depends on how the sender wrote its JSON:
 * plain objects keep numbers and Long objects, protobuf classes turn longs into strings, enums into their names and
 * bytes into base64 (their `toJSON`), and BufferJSON.replacer writes `{type: 'Buffer', data: base64}`.
 */

import { toDate } from '../shared/payload.ts'

export type Properties = Record<string, unknown>

/** The value where it is an object with names; null for anything else, arrays too. */
export function asObject(value: unknown): Properties | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Properties)
    : null
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** A number from a number, its digits, or a Long: `{low, high, unsigned}`. Null where it is none. */
export function toNumber(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'string') return /^-?\d{1,20}$/.test(value) ? Number(value) : null
  const long = asObject(value)
  if (typeof long?.['low'] !== 'number') return null
  const high = typeof long['high'] === 'number' ? long['high'] : 0
  const number = high * 2 ** 32 + (long['low'] >>> 0)
  return Number.isFinite(number) ? number : null
}

/** A moment from seconds or milliseconds since 1970 in any of those spellings. 0 is Baileys' word for none. */
export function toMoment(value: unknown): Date | null {
  const number = toNumber(value)
  return number === null || number <= 0 ? null : toDate(number)
}

/** Keys and hashes have 32 bytes; a body that calls megabytes a key is not converted. */
const maxBytes = 4096

/** Bytes from a Buffer as JSON, base64, a list, or an object of indexes. Null where it is none of them, or empty. */
export function toBytes(value: unknown): Buffer | null {
  const bytes = readBytes(value)
  return bytes && bytes.length > 0 && bytes.length <= maxBytes ? bytes : null
}

function readBytes(value: unknown): Buffer | null {
  if (typeof value === 'string') {
    return /^[A-Za-z0-9+/_-]+={0,2}$/.test(value) ? Buffer.from(value, 'base64') : null
  }
  if (Array.isArray(value)) return fromNumbers(value)
  const object = asObject(value)
  if (!object) return null
  if (object['type'] === 'Buffer') {
    return typeof object['data'] === 'string' || Array.isArray(object['data'])
      ? readBytes(object['data'])
      : null
  }
  return Object.keys(object).every((name, index) => name === String(index))
    ? fromNumbers(Object.values(object))
    : null
}

function fromNumbers(values: unknown[]): Buffer | null {
  return values.length <= maxBytes &&
    values.every((value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 256)
    ? Buffer.from(values as number[])
    : null
}

export function toBase64(value: unknown): string | undefined {
  return toBytes(value)?.toString('base64')
}

/** An enum's number from itself, its digits or its name; null where it is none that `names` knows. */
export function toEnum(value: unknown, names: Readonly<Record<string, number>>): number | null {
  if (typeof value === 'string' && Object.hasOwn(names, value)) return names[value] ?? null
  return toNumber(value)
}

/** The object without its undefined values. */
export function compact<T extends Properties>(
  object: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && value !== null),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
