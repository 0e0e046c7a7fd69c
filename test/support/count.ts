import { Parser, type Result } from 'tap-parser'

export type TapCount = { passed: number; failed: number; skipped: number; skips: string[] }

/**
 * Counts tests, not assertions: a test is a point of the output that holds no further tests. A failure
 * outside any test (a file that crashed or ran out of time) counts as one failed test.
 */
export function countTap(text: string): TapCount {
  const count: TapCount = { passed: 0, failed: 0, skipped: 0, skips: [] }
  const root = new Parser()
  walk(root, [], count)
  root.end(text)
  return count
}

function walk(parser: Parser, path: string[], count: TapCount): void {
  const children = new Set<string>()
  const own: Result[] = []
  let skipAll: string | null = null
  const failedBefore = count.failed
  parser.on('child', (child: Parser) => {
    children.add(child.name)
    walk(child, [...path, child.name], count)
  })
  parser.on('assert', (result: Result) => own.push(result))
  parser.on('plan', (plan: { start: number; end: number; comment?: string }) => {
    if (plan.end < plan.start) skipAll = plan.comment || 'no reason given'
  })
  parser.on('complete', (results: { ok: boolean }) => {
    const skips = own.filter((point) => (point.skip || point.todo) && !children.has(point.name))
    for (const point of skips) {
      count.skipped += 1
      const reason = [point.skip, point.todo].find((text) => typeof text === 'string')
      count.skips.push(`${[...path, point.name].join(' > ')}: ${reason || 'no reason given'}`)
    }
    if (skipAll !== null) {
      count.skipped += 1
      count.skips.push(`${path.join(' > ')}: ${skipAll}`)
      return
    }
    const direct = own.filter((point) => !children.has(point.name) && !skips.includes(point))
    if (children.size > 0 || path.length === 0) {
      count.failed += direct.filter((point) => !point.ok).length
      if (!results.ok && count.failed === failedBefore) count.failed += 1
    } else if (!results.ok) {
      count.failed += 1
    } else if (direct.length > 0) {
      count.passed += 1
    }
  })
}
