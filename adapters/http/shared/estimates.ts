import type { Counted } from '../../../db/paging/offset.ts'
import { createCache } from '../../shared/cache.ts'

/** ms for which an estimate stands: one that is 5 s old is no worse an estimate. */
const ttlMs = 5000
const maxEntries = 1000

/**
 * Totals that are estimates, cached for a moment, so that turning the pages of a long list does not count 10,000 rows
 * for each. Exact totals are counted anew every time.
 */
export function createEstimates() {
  const cache = createCache<{ until: number; counted: Counted }>({ maxEntries })
  return async (of: object, count: () => Promise<Counted>): Promise<Counted> => {
    const key = JSON.stringify(of)
    const known = cache.get(key)
    if (known && known.until > Date.now()) return known.counted
    const counted = await count()
    if (counted.isEstimate) {
      cache.set(key, { until: Date.now() + ttlMs, counted })
    }
    return counted
  }
}
