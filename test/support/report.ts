import { inspect } from 'node:util'
import { type FinalResults, Parser, type Result } from 'tap-parser'

export type Report = {
  passed: number
  failed: string[]
  skipped: string[]
  /** For what a file writes as TAP; `end` takes its exit code, or the signal that ended it. */
  file(name: string): { write(text: string): void; end(exit: number | string): void }
}

/**
 * Reads what the files write, prints each file's outcome (`[ 37/154] ok  2.5 s  test/…`) and each failure as they come, and
 * counts tests, not assertions: a test is a point of the output that holds no further tests. A failure outside any test
 * (a file that crashed or ran out of time, output that breaks off) counts as one.
 *
 * @param files how many there are
 */
export function createReport(print: (line: string) => void, files: number): Report {
  let done = 0
  const report: Report = {
    passed: 0,
    failed: [],
    skipped: [],
    file(name) {
      const started = performance.now()
      const failedBefore = report.failed.length
      const mine = () => report.failed.slice(failedBefore).some((one) => one.startsWith(name))
      const parser = new Parser()
      walk(parser, [name], report, print)
      return {
        write: (text) => void parser.write(text),
        end(exit) {
          parser.end()
          if (exit !== 0) {
            if (typeof exit === 'string' || !mine()) print(`\nFAILED ${name}: ended with ${exit}\n`)
            blame(report, name)
          }
          done += 1
          const count = String(done).padStart(String(files).length)
          const seconds = ((performance.now() - started) / 1_000).toFixed(1).padStart(6)
          print(`[${count}/${files}] ${mine() ? 'FAILED' : 'ok    '} ${seconds} s  ${name}`)
        },
      }
    },
  }
  return report
}

/** A file that died before its first test looks like a skipped one from the inside. */
function blame(report: Report, name: string): void {
  if (report.failed.some((failure) => failure.startsWith(name))) return
  report.skipped = report.skipped.filter((skip) => !skip.startsWith(`${name}: `))
  report.failed.push(name)
}

function walk(parser: Parser, path: string[], report: Report, print: (line: string) => void): void {
  const children = new Set<string>()
  const own: Result[] = []
  let skipAll: string | null = null
  const at = (name: string): string => [...path, name].join(' > ')

  parser.on('child', (child: Parser) => {
    children.add(child.name)
    walk(child, [...path, child.name], report, print)
  })
  parser.on('extra', (text: string) => {
    if (text.trim()) print(text.trimEnd())
  })
  parser.on('plan', (plan: { start: number; end: number; comment?: string }) => {
    if (plan.end < plan.start) skipAll = plan.comment || 'no reason given'
  })
  parser.on('assert', (point: Result) => {
    own.push(point)
    if (point.ok || point.todo) return
    if (children.has(point.name)) blame(report, at(point.name))
    else print(describe(at(point.name), point))
  })
  parser.on('complete', (results: FinalResults) => {
    const name = path.join(' > ')
    const direct = own.filter((point) => !children.has(point.name))
    for (const point of direct.filter(({ skip, todo }) => skip || todo)) {
      const reason = [point.skip, point.todo].find((text) => typeof text === 'string' && text)
      report.skipped.push(`${at(point.name)}: ${String(reason ?? 'no reason given')}`)
    }
    if (skipAll !== null) {
      if (skipAll === 'no tests found') blame(report, name)
      else report.skipped.push(`${name}: ${skipAll}`)
      return
    }
    const asserted = direct.filter(({ skip, todo }) => !skip && !todo)
    if (children.size > 0) {
      for (const point of asserted) if (!point.ok) report.failed.push(at(point.name))
    }
    if (!results.ok) blame(report, name)
    else if (children.size === 0 && asserted.length > 0) report.passed += 1
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
