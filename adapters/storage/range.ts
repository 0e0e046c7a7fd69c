import { UnsatisfiableRangeError } from './errors.ts'

/** Of a file: from a byte on, to one included, or the last so many. */
export type ByteRange = { first: number; last: number | null } | { suffix: number }

/**
 * A header `Range`; null for none, and for what a server may pass over: another unit, several ranges, nonsense.
 * Source: RFC 9110, section 14.2.
 */
export function parseRange(header: string | undefined): ByteRange | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header ?? '') ?? []
  if (first === '') return last === '' ? null : { suffix: Number(last) }
  if (last !== '' && Number(last) < Number(first)) return null
  return { first: Number(first), last: last === '' ? null : Number(last) }
}

/** The first and the last byte of a file of that size; all of it for null. @throws UnsatisfiableRangeError */
export function placeRange(range: ByteRange | null, size: number): { start: number; end: number } {
  if (range === null) return { start: 0, end: size - 1 }
  if ('suffix' in range) {
    if (range.suffix === 0) throw new UnsatisfiableRangeError(size)
    return { start: Math.max(0, size - range.suffix), end: size - 1 }
  }
  if (range.first >= size) throw new UnsatisfiableRangeError(size)
  return { start: range.first, end: Math.min(range.last ?? size - 1, size - 1) }
}

export function formatRange(range: ByteRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.first}-${range.last ?? ''}`
}
