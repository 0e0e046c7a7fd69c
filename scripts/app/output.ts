import { isatty } from 'node:tty'
import { inspect } from 'node:util'
import { pino, type Logger } from 'pino'

/** One line for people, or one of JSON Lines, on stdout. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** Rows under their headings, numbers to the right. */
export function printTable(headings: string[], rows: (string | number)[][]): void {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => String(row[column] ?? '').length)),
  )
  const line = (cells: (string | number)[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  print(line(headings))
  for (const row of rows) print(line(row))
}

/**
 * A reader that goes away (`| head`) ends a command that only prints, and must not end one that serves.
 */
export function onReaderGone(then: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (stream === process.stdout) then()
    })
  }
}

/**
 * Logs go to stderr: as JSON for machines (`json`, or when stderr is no terminal), short for people.
 * Written at once, so that the last lines of a process that dies are there.
 */
export function createLogger(options: { level: string; json: boolean }): Logger {
  const settings = { level: options.level, base: { pid: process.pid } }
  if (options.json || !isatty(2)) return pino(settings, pino.destination({ fd: 2, sync: true }))
  return pino(settings, { write: (line: string) => process.stderr.write(`${forPeople(line)}\n`) })
}

const shown = new Set(['level', 'time', 'pid', 'msg', 'err'])

function forPeople(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown> & {
    level: number
    time: number
    msg?: string
  }
  const level = pino.levels.labels[entry.level] ?? String(entry.level)
  const rest = Object.entries(entry)
    .filter(([name, value]) => !shown.has(name) && value !== undefined)
    .map(
      ([name, value]) =>
        ` ${name}=${typeof value === 'string' ? value : inspect(value, { breakLength: Infinity, depth: 1 })}`,
    )
  const error = entry['err'] as { message?: string; stack?: string } | undefined
  const reason = error ? ` (${entry.level <= 20 ? error.stack : error.message})` : ''
  const time = new Date(entry.time).toISOString().slice(11, 19)
  return `${time} ${level.padEnd(5)} ${entry.msg ?? ''}${reason}${rest.join('')}`
}
