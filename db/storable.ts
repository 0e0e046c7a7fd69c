/** The text as Postgres can store it: NUL and lone surrogates become U+FFFD. */
export function storableText(text: string): string {
  // Hardly any text has them, and testing costs a fifth of replacing.
  return text.includes('\0') || !text.isWellFormed()
    ? text.replaceAll('\0', '\u{fffd}').toWellFormed()
    : text
}

/** A value as JSON text that Postgres can store as jsonb: strings and keys as in `storableText`. */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value)
  return /\\u(0000|d[89a-f])/.test(text) ? JSON.stringify(replaceIn(value)) : text
}

function replaceIn(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(replaceIn)
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [storableText(key), replaceIn(item)]),
  )
}
