/** How long an estimate stands: one that is 5 s old is no worse an estimate. ms. */
const rememberedFor = 5000
const mostRemembered = 1000

export type Counted = { total: number; isEstimate: boolean }

/**
 * Totals that are estimates, remembered for a moment, so that who turns the pages of a long list does not have 10,000
 * rows counted for each. Exact totals are counted anew every time.
 */
export function createEstimates() {
  const remembered = new Map<string, { until: number; counted: Counted }>()
  return async (of: object, count: () => Promise<Counted>): Promise<Counted> => {
    const key = JSON.stringify(of)
    const known = remembered.get(key)
    if (known && known.until > Date.now()) return known.counted
    remembered.delete(key)
    const counted = await count()
    if (counted.isEstimate) {
      if (remembered.size >= mostRemembered) remembered.clear()
      remembered.set(key, { until: Date.now() + rememberedFor, counted })
    }
    return counted
  }
}
