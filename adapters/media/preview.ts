import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { access, constants, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Unreadable } from './errors.ts'
import { readHeader, renderSmall, type Rendered } from './image.ts'
import { heavyWork } from './slots.ts'
import type { MediaType } from './types.ts'

export interface Preview {
  /** In the spool; whoever asked removes it. */
  path: string
  contentType: 'image/webp'
  width: number
  height: number
  /** Bytes. */
  size: number
  /** Hex. */
  sha256: string
}

/**
 * A thumbnail in WebP, 320 × 320 at most, upright and without metadata: of JPEG, PNG, GIF (its first frame) and WebP,
 * and of a PDF's first page where `pdftoppm` (poppler-utils) is installed. Null for other types, for images that are too
 * large to decode, and for a PDF that cannot be drawn within bounds.
 * @throws {Unreadable} for an image that `inspect` refuses too; what the disk says; the reason of `signal`.
 */
export async function makePreview(
  path: string,
  { contentType }: MediaType,
  { folder, signal }: { folder: string; signal?: AbortSignal | undefined },
): Promise<Preview | null> {
  const small = await render(path, contentType, signal)
  if (!small) return null
  const { data, width, height } = small
  const target = join(folder, `${randomUUID()}.webp`)
  try {
    await writeFile(target, data, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    await rm(target, { force: true })
    throw error
  }
  const sha256 = createHash('sha256').update(data).digest('hex')
  return { path: target, contentType: 'image/webp', width, height, size: data.length, sha256 }
}

async function render(
  path: string,
  contentType: string,
  signal: AbortSignal | undefined,
): Promise<Rendered | null> {
  switch (contentType) {
    case 'image/jpeg':
    case 'image/png':
    case 'image/gif':
    case 'image/webp': {
      const { decodable, weight } = await readHeader(path)
      return decodable ? renderSmall(path, { weight, signal }) : null
    }
    case 'application/pdf': {
      const page = await drawPage(path, signal)
      if (!page) return null
      return renderSmall(page, { weight: 1, signal }).catch((error: unknown) => {
        if (error instanceof Unreadable) return null
        throw error
      })
    }
    default:
      return null
  }
}

const drawMs = 15_000
const mostOutput = 2 * 1024 * 1024
/** Of address space, where prlimit (util-linux) is there to bound it. */
const drawBytes = 512 * 1024 * 1024

/** A PDF's first page as PNG, its longer side 320 pixels; null where it cannot be had. */
export async function drawPage(
  path: string,
  signal?: AbortSignal,
  { ms = drawMs }: { ms?: number } = {},
): Promise<Buffer | null> {
  const pdftoppm = await findProgram('pdftoppm')
  if (!pdftoppm) return null
  const bound = await findProgram('prlimit')
  const draw = [pdftoppm, '-png', '-singlefile', '-f', '1', '-l', '1', '-scale-to', '320', path]
  const [program = pdftoppm, ...args] = bound ? [bound, `--as=${drawBytes}`, ...draw] : draw
  return heavyWork(async () => outputOf(program, args, ms, signal), { signal })
}

/** What it writes, if it ends well, in time, and with no more than a page's worth. No shell reads the arguments. */
async function outputOf(
  program: string,
  args: string[],
  ms: number,
  signal: AbortSignal | undefined,
): Promise<Buffer | null> {
  signal?.throwIfAborted()
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {},
    timeout: ms,
    killSignal: 'SIGKILL',
  })
  const abort = () => child.kill('SIGKILL')
  signal?.addEventListener('abort', abort, { once: true })
  const chunks: Buffer[] = []
  let length = 0
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > mostOutput) child.kill('SIGKILL')
    else chunks.push(chunk)
  })
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
  signal?.removeEventListener('abort', abort)
  signal?.throwIfAborted()
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
