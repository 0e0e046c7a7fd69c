const maxMs = 30 * 86_400_000

/**
 * ms to wait by a Retry-After header: seconds, or an HTTP date in any of its three forms (RFC 9110, sections 10.2.3 and
 * 5.6.7). A moment that has passed is 0; more than 30 days counts as 30. Undefined where there is none, or none that can
 * be read.
 */
export function parseRetryAfter(
  header: string | null | undefined,
  now: number = Date.now(),
): number | undefined {
  const text = header?.trim()
  if (!text) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(maxMs, Math.ceil(Number(text) * 1_000))
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined
  // The asctime form names no zone; it is UTC all the same.
  const at = Date.parse(/(GMT|UTC|[+-]\d{4})$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : Math.min(maxMs, Math.max(0, at - now))
}
