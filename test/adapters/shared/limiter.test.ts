import t from 'tap'
import { createLimiter } from '../../../adapters/shared/limiter.ts'

/** Works that end when told, and the order in which they began. */
function bench(size: number) {
  const limiter = createLimiter(size)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const add = async (name: string, weight = 1, signal?: AbortSignal) =>
    limiter(
      async () => {
        begun.push(name)
        await new Promise<void>((resolve) => ends.set(name, resolve))
        return name
      },
      { weight, signal },
    )
  const settle = async () => new Promise((resolve) => setImmediate(resolve))
  const end = async (name: string) => {
    ends.get(name)?.()
    await settle()
  }
  return { begun, add, end, settle }
}

t.test('as many run as there are places, the others in their order', async (t) => {
  const { begun, add, end, settle } = bench(2)
  const works = ['a', 'b', 'c', 'd'].map(async (name) => add(name))
  await settle()
  t.same(begun, ['a', 'b'])
  await end('b')
  t.same(begun, ['a', 'b', 'c'])
  for (const name of ['a', 'c', 'd']) await end(name)
  t.same(await Promise.all(works), ['a', 'b', 'c', 'd'])
})

t.test('a heavy one waits until there is room for it, and is not overtaken', async (t) => {
  const { begun, add, end, settle } = bench(2)
  const works = [add('a'), add('heavy', 2), add('b')]
  await settle()
  t.same(begun, ['a'])
  await end('a')
  t.same(begun, ['a', 'heavy'])
  await end('heavy')
  t.same(begun, ['a', 'heavy', 'b'])
  await end('b')
  await Promise.all(works)
  const huge = add('huge', 9)
  await settle()
  t.equal(begun.at(-1), 'huge', 'one that is heavier than all places takes all')
  await end('huge')
  await huge
})

t.test('whoever gives up leaves the line, and lets the next by', async (t) => {
  const { begun, add, end, settle } = bench(2)
  const stop = new AbortController()
  const a = add('a')
  const heavy = add('heavy', 2, stop.signal)
  const b = add('b')
  await settle()
  t.same(begun, ['a'])
  const gone = t.rejects(heavy, { message: 'not wanted' })
  stop.abort(new Error('not wanted'))
  await gone
  await settle()
  t.same(begun, ['a', 'b'])
  await t.rejects(add('late', 1, stop.signal), { message: 'not wanted' })
  await end('a')
  await end('b')
  await Promise.all([a, b])
})

t.test('a place is free again after a failure', async (t) => {
  const limiter = createLimiter(1)
  await t.rejects(
    limiter(async () => {
      throw new Error('no')
    }),
    { message: 'no' },
  )
  t.equal(await limiter(async () => 'yes'), 'yes')
})
