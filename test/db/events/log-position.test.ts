import t from 'tap'
import { advance, type LogPosition } from '../../../db/events/log-position.ts'

/** A log whose writers draw ids in turn and commit in any order; some never do. */
function simulate(seed: number): { reads: number[]; committed: number[]; problems: string[] } {
  let state = seed
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const open: number[][] = []
  const visible: number[] = []
  const problems: string[] = []
  const reads: number[] = []
  let last = 0
  let position: LogPosition = { cursor: 0, seen: 0, holes: [] }
  for (let round = 0; round < 400; round++) {
    const draws = round < 360 ? random(6) : 0
    for (let n = 0; n < draws; n++) {
      if (open.length === 0 || (open.length < 6 && random(3) === 0)) open.push([])
      open[random(open.length)]?.push(++last)
    }
    if (open.length > 0 && (round >= 360 || random(3) === 0)) {
      const [ended] = open.splice(random(open.length), 1)
      if (random(5) > 0) visible.push(...(ended ?? []))
    }
    if (random(3) === 0 && round < 395) continue
    // What is below the lowest id of an open transaction can be settled; the relay may know it late.
    const settled = Math.max(position.cursor, Math.min(last, ...open.flat().map((id) => id - 1)))
    const limit = 1 + random(8)
    const skip = random(4) === 0
    const above = visible.filter((id) => id > position.seen).toSorted((a, b) => a - b)
    const below = position.holes.flatMap((hole) =>
      visible
        .filter((id) => id >= hole.low && id <= hole.high)
        .toSorted((a, b) => a - b)
        .slice(0, limit),
    )
    const ids = [...(skip ? [] : below), ...above.slice(0, limit)].toSorted((a, b) => a - b)
    reads.push(...ids)
    const next = advance(position, ids, { settled, limit, lookedThroughHoles: !skip })
    if (next.cursor < position.cursor) problems.push('the cursor went back')
    if (next.cursor > settled) problems.push('the cursor passed what is settled')
    const left = visible.filter((id) => id <= next.cursor && !reads.includes(id))
    if (left.length > 0) problems.push(`the cursor passed ${left.join()}`)
    position = next
  }
  for (let round = 0; round < 200; round++) {
    const unread = visible.filter(
      (id) =>
        id > position.seen || position.holes.some((hole) => id >= hole.low && id <= hole.high),
    )
    const ids = unread.toSorted((a, b) => a - b)
    reads.push(...ids)
    position = advance(position, ids, { settled: last, limit: 1e9, lookedThroughHoles: true })
  }
  if (position.cursor !== last) problems.push(`it ended at ${position.cursor} of ${last}`)
  if (position.holes.length > 0) problems.push('holes are left')
  return { reads, committed: visible, problems }
}

t.test('whatever order transactions commit in, each event is read once and none is passed', (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    const { reads, committed, problems } = simulate(seed)
    if (problems.length > 0) t.same(problems, [], `seed ${seed}`)
    const byId = (a: number, b: number) => a - b
    if (String(reads.toSorted(byId)) !== String(committed.toSorted(byId))) {
      t.same(reads.toSorted(byId), committed.toSorted(byId), `seed ${seed}`)
    }
  }
  t.pass('100 seeds')
  t.end()
})
