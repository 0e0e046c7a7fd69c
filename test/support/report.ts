import { inspect } from 'node:util'
import { type FinalResults, Parser, type Result } from 'tap-parser'

export type TapCount = { passed: number; failed: string[]; skipped: string[] }

/**
 * Reads what tap writes, prints each file's outcome (`[ 37/154] ok  2.5 s  test/…`) and each failure as they come, and
 * counts tests, not assertions: a test is a point of the output that holds no further tests. A failure outside any test
 * (a file that crashed or ran out of time, output that breaks off) counts as one.
 *
 * @param files how many there are
 */
export function readTap(
  print: (line: string) => void,
  files: number,
): { parser: Parser; count: TapCount } {
  const count: TapCount = { passed: 0, failed: [], skipped: [] }
  const parser = new Parser()
  walk(parser, [], count, print, files)
  return { parser, count }
}

function walk(
  parser: Parser,
  path: string[],
  count: TapCount,
  print: (line: string) => void,
  files: number,
): void {
  const children = new Set<string>()
  const own: Result[] = []
  const failedBefore = count.failed.length
  let skipAll: string | null = null
  const at = (name: string): string => [...path, name].join(' > ')

  parser.on('child', (child: Parser) => {
    children.add(child.name)
    walk(child, [...path, child.name], count, print, files)
  })
  parser.on('extra', (text: string) => {
    if (text.trim()) print(text.trimEnd())
  })
  parser.on('plan', (plan: { start: number; end: number; comment?: string }) => {
    if (plan.end < plan.start) skipAll = plan.comment || 'no reason given'
  })
  parser.on('assert', (point: Result) => {
    own.push(point)
    if (path.length === 0) {
      const done = String(own.length).padStart(String(files).length)
      const seconds = ((point.time ?? 0) / 1_000).toFixed(1).padStart(6)
      print(`[${done}/${files}] ${point.ok ? 'ok    ' : 'FAILED'} ${seconds} s  ${point.name}`)
    }
    if (point.ok || point.todo) return
    if (children.has(point.name)) blame(at(point.name))
    else print(describe(at(point.name), point))
  })
  /** A file that died before its first test looks like a skipped one from the inside. */
  const blame = (name: string): void => {
    if (count.failed.some((failure) => failure.startsWith(name))) return
    count.skipped = count.skipped.filter((skip) => !skip.startsWith(`${name}: `))
    count.failed.push(name)
  }
  parser.on('complete', (results: FinalResults) => {
    const direct = own.filter((point) => !children.has(point.name))
    for (const point of direct.filter(({ skip, todo }) => skip || todo)) {
      const reason = [point.skip, point.todo].find((text) => typeof text === 'string' && text)
      count.skipped.push(`${at(point.name)}: ${String(reason ?? 'no reason given')}`)
    }
    if (skipAll !== null) {
      count.skipped.push(`${path.join(' > ')}: ${skipAll}`)
      return
    }
    const asserted = direct.filter(({ skip, todo }) => !skip && !todo)
    if (children.size > 0 || path.length === 0) {
      for (const point of asserted) if (!point.ok) count.failed.push(at(point.name))
    }
    if (!results.ok && count.failed.length === failedBefore) {
      count.failed.push(path.join(' > ') || 'the run itself')
    } else if (results.ok && children.size === 0 && path.length > 0 && asserted.length > 0) {
      count.passed += 1
    }
  })
}

function describe(name: string, point: Result): string {
  const {
    diff,
    stack,
    at,
    source: _source,
    ...rest
  } = (point.diag ?? {}) as Record<string, unknown>
  const parts = [`\nFAILED ${name}`]
  if (typeof diff === 'string') parts.push(diff)
  if (Object.keys(rest).length > 0) parts.push(inspect(rest, { depth: 6, maxStringLength: 4_000 }))
  if (typeof stack === 'string') parts.push(stack)
  else if (at) parts.push(inspect(at))
  return `${parts.join('\n')}\n`
}
