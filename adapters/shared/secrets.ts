import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createCache } from './cache.ts'

/**
 * The value behind an account's `secret_ref` (`env:NAME`, `file:PATH`); null where it names none or nothing is there.
 * A file's trailing newline is no part of the secret.
 */
export function lookUpSecret(reference: string | null): string | null {
  if (reference?.startsWith('env:')) {
    return process.env[reference.slice('env:'.length)] ?? null
  }
  if (reference?.startsWith('file:')) {
    try {
      return readFileSync(reference.slice('file:'.length), 'utf8').replace(/\r?\n$/, '')
    } catch {
      return null
    }
  }
  return null
}

/**
 * The secrets of an account whose channel has several: a JSON object of strings behind `secret_ref`. What is no JSON
 * object is the one named `main`.
 */
export function readSecrets(secret: string | null, main: string): Record<string, string> {
  if (secret === null) return {}
  const known = cache.get(secret)
  if (known?.main === main) return known.secrets
  const secrets = parse(secret, main)
  cache.set(secret, { main, secrets })
  return secrets
}

const cache = createCache<{ main: string; secrets: Record<string, string> }>({ maxEntries: 1_000 })

function parse(secret: string, main: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(secret)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return Object.fromEntries(
        Object.entries(parsed).filter(
          (entry): entry is [string, string] => typeof entry[1] === 'string',
        ),
      )
    }
  } catch {
    // A plain secret.
  }
  return { [main]: secret }
}

/** Whether what was shown is the secret: in constant time, whatever the lengths, and false where either is missing or empty. */
export function isSameSecret(given: string | undefined, expected: string | undefined): boolean {
  if (!given || !expected) return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
