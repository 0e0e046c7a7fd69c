import t from 'tap'
import { createAdmission } from '../../../../adapters/http/server/admission.ts'

const busy = { details: { code: 'busy' } } as never

/** A work that goes on until it is told to end. */
function work<T>(result: T) {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  return { run: async () => promise, end: () => resolve(result), fail: reject }
}

t.test('who comes to a full queue is refused at once', async (t) => {
  const admit = createAdmission({ size: 1, maxQueued: 1, waitMs: 60_000 })
  const [first, second] = [work(1), work(2)]
  const done = [admit(first.run), admit(second.run)]
  await t.rejects(admit(work(3).run), busy)
  first.end()
  second.end()
  t.same(await Promise.all(done), [1, 2])
})

t.test('who waited long enough is refused, and the place is free for the next', async (t) => {
  const admit = createAdmission({ size: 1, maxQueued: 1, waitMs: 20 })
  const first = work(1)
  const done = admit(first.run)
  await t.rejects(admit(work(2).run), busy)
  const third = admit(async () => 3)
  first.end()
  t.same(await Promise.all([done, third]), [1, 3])
})

t.test('a work that fails gives its place to the next in the queue, in order', async (t) => {
  const admit = createAdmission({ size: 1, maxQueued: 10, waitMs: 60_000 })
  const first = work(1)
  const order: number[] = []
  const failed = admit(first.run)
  const rest = [2, 3].map((n) => admit(async () => void order.push(n)))
  first.fail(new Error('broken'))
  await t.rejects(failed, { message: 'broken' })
  await Promise.all(rest)
  t.same(order, [2, 3])
  t.equal(await admit(async () => 4), 4)
})
