import { isatty } from 'node:tty'

export type Progress = {
  /** So many more are done. */
  add(count: number): void
  /** Prints something meanwhile, on a line of its own. */
  aside(print: () => void): void
  /** Leaves the last state standing, and begins a new line. */
  end(): void
}

/**
 * Tells on stderr how far long work is: a bar on a terminal, elsewhere a line every five seconds. `quiet`: nothing.
 * @param total how many there are to be done; null where nobody knows
 */
export function createProgress(options: {
  what: string
  total: number | null
  quiet?: boolean | undefined
}): Progress {
  const { what, total, quiet } = options
  const live = isatty(2)
  const everyMs = live ? 100 : 5_000
  let done = 0
  let told = performance.now()
  const tell = () => {
    told = performance.now()
    const max = total === null ? null : Math.max(total, done)
    const count = max === null ? `${done} ${what}` : `${done} of ${max} ${what}`
    if (!live) process.stderr.write(`${count}\n`)
    else process.stderr.write(`\r${max === null ? '' : bar(done, max)}${count}\x1b[K`)
  }
  return {
    add(count) {
      done += count
      if (!quiet && performance.now() - told >= everyMs) tell()
    },
    aside(print) {
      if (!quiet && live) process.stderr.write('\r\x1b[K')
      print()
    },
    end() {
      if (quiet || !live) return
      tell()
      process.stderr.write('\n')
    },
  }
}

function bar(done: number, total: number): string {
  const width = 24
  const full = total === 0 ? width : Math.floor((width * done) / total)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] `
}
