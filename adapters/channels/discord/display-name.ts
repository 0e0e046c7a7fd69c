import type { User } from './schema.ts'

/** What others see: the name in the guild, else the one that people chose, else the account's. */
export function nameOf(user: User, nick?: string | null): string | null {
  return nick || user.global_name || user.username || null
}
