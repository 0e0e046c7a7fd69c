import { LRUCache } from 'lru-cache'

export type Cache<V> = {
  /** Undefined where nothing is known; what is cached may well be null. */
  get(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
}

/** At most `maxEntries`, of which the one that was read longest ago leaves first; each for `ttlMs`, where given. */
export function createCache<V>(options: { maxEntries: number; ttlMs?: number }): Cache<V> {
  const { maxEntries: max, ttlMs: ttl } = options
  const entries = new LRUCache<string, { value: V }>({ max, ...(ttl === undefined ? {} : { ttl }) })
  return {
    get: (key) => entries.get(key)?.value,
    set: (key, value) => void entries.set(key, { value }),
    delete: (key) => void entries.delete(key),
  }
}
