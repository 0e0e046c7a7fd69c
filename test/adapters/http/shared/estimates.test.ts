import t from 'tap'
import { createEstimates } from '../../../../adapters/http/shared/estimates.ts'

t.test('an estimate is remembered for 5 s, an exact total not at all', async (t) => {
  const estimates = createEstimates()
  let now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  let counted = 0
  const count = (isEstimate: boolean) => async () => ({ total: ++counted, isEstimate })
  t.same(await estimates({ a: 1 }, count(true)), { total: 1, isEstimate: true })
  t.same(await estimates({ a: 1 }, count(true)), { total: 1, isEstimate: true })
  t.same(
    await estimates({ a: 2 }, count(true)),
    { total: 2, isEstimate: true },
    'of another filter',
  )
  now += 5001
  t.same(await estimates({ a: 1 }, count(false)), { total: 3, isEstimate: false })
  t.same(await estimates({ a: 1 }, count(false)), { total: 4, isEstimate: false })
})
