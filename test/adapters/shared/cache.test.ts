import t from 'tap'
import { createCache } from '../../../adapters/shared/cache.ts'

t.test('a full cache loses the entry that was read longest ago, and no other', async (t) => {
  const cache = createCache<number | null>({ maxEntries: 2 })
  cache.set('a', 1)
  cache.set('b', null)
  t.equal(cache.get('a'), 1)
  cache.set('c', 3)
  t.equal(cache.get('a'), 1)
  t.equal(cache.get('b'), undefined)
  t.equal(cache.get('c'), 3)
  cache.set('d', null)
  t.equal(cache.get('d'), null, 'null is a value like any other')
})
