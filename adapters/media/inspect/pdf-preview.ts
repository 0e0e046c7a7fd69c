import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { heavyWork } from '../../shared/limiter.ts'

const maxDrawMs = 15_000
const maxOutputBytes = 2 * 1024 * 1024
/** Of address space, where prlimit (util-linux) is there to bound it. */
const maxDrawBytes = 512 * 1024 * 1024

/**
 * A PDF's first page as PNG, its longer side 320 pixels; null where pdftoppm (poppler-utils) is not installed, or cannot
 * draw it within `ms`, 512 MB and 2 MB of output.
 */
export async function drawFirstPage(path: string, { ms = maxDrawMs } = {}): Promise<Buffer | null> {
  const pdftoppm = await findProgram('pdftoppm')
  if (!pdftoppm) return null
  const bound = await findProgram('prlimit')
  const draw = [pdftoppm, '-png', '-singlefile', '-f', '1', '-l', '1', '-scale-to', '320', path]
  const [program = pdftoppm, ...args] = bound ? [bound, `--as=${maxDrawBytes}`, ...draw] : draw
  return heavyWork(async () => outputOf(program, args, ms))
}

/** What it writes, if it ends well. No shell reads the arguments. */
async function outputOf(program: string, args: string[], ms: number): Promise<Buffer | null> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {},
    timeout: ms,
    killSignal: 'SIGKILL',
  })
  const chunks: Buffer[] = []
  let length = 0
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxOutputBytes) child.kill('SIGKILL')
    else chunks.push(chunk)
  })
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
  return code === 0 && length > 0 ? Buffer.concat(chunks) : null
}

async function findProgram(name: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return null
}
