import t from 'tap'
import { backoffMs } from '../../../adapters/shared/backoff.ts'

t.test('a pause doubles with each failure, up to its maximum', async (t) => {
  const pauses = [0, 1, 2, 3, 4, 2_000].map((n) => backoffMs(n, { minMs: 20, maxMs: 200 }))
  t.same(pauses, [20, 40, 80, 160, 200, 200])
  t.equal(backoffMs(3, { minMs: 5_000 }), 40_000, 'without one it has none')
})

t.test('jitter spreads a pause to both sides', async (t) => {
  const pause = (random: number) =>
    backoffMs(9, { minMs: 1, maxMs: 100, jitter: 0.2, random: () => random })
  t.same([0, 0.5, 1].map(pause).map(Math.round), [80, 100, 120])
})
