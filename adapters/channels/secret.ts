import { readFileSync } from 'node:fs'

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
