/**
 * Files are decoded in a process of their own. Decoders are native code that does not return memory (glibc keeps an arena
 * for each thread: a series of 11-megapixel progressive JPEGs took a process from 90 MB to 470), and that a hostile file may
 * crash. The helper process has one arena, ends when it is idle, and may die without harm.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { extname, join } from 'node:path'
import { UnreadableError } from '../errors.ts'
import type { Rendered } from './image.ts'
import type { Metadata } from './metadata.ts'
import { createLimiter } from '../../shared/limiter.ts'
import type { MediaType } from '../types.ts'

type Results = {
  inspectFile: Metadata
  render: Rendered | null
}

export type Work = keyof Results

export type Request = {
  id: number
  work: Work
  path: string
  type: MediaType
}

/** An error crosses over as what makes it again. */
export type Reply = { id: number } & (
  | { result: Results[Work] }
  | { unreadable: { message: string; code: string; hint: string | undefined } }
  | { failed: { message: string; code: string | undefined } }
)

type Helper = {
  child: ChildProcess
  waiting: Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>
}

class HelperDiedError extends Error {}

const limiter = createLimiter(2)
/** ms until a helper that does not answer is ended. Its own limits are shorter: 20 s for an image, 15 and 10 for a PDF. */
const maxMs = 60_000
const idleMs = 30_000

let helper: Helper | null = null
let idle: NodeJS.Timeout | undefined
let lastId = 0

/**
 * Two files at a time in a process; the others wait in line. A file with which the helper dies is tried once more, alone
 * this time; if it dies again, an image is `image_undecodable`, and of others nothing is known.
 */
export async function askHelper<W extends Work>(
  work: W,
  path: string,
  type: MediaType,
  signal?: AbortSignal,
): Promise<Results[W]> {
  for (const weight of [1, 2]) {
    try {
      const reply = await limiter(async () => ask({ id: ++lastId, work, path, type }, signal), {
        weight,
        signal,
      })
      return resultOf(reply) as Results[W]
    } catch (error) {
      if (!(error instanceof HelperDiedError)) throw error
    }
  }
  if (type.kind === 'image') {
    throw new UnreadableError('file is damaged: decoding it crashes the decoder', {
      code: 'image_undecodable',
      field: 'file',
      hint: 'Send an image that opens.',
    })
  }
  const nothing: Results = { inspectFile: { problem: 'broken' }, render: null }
  return nothing[work]
}

async function ask(request: Request, signal: AbortSignal | undefined): Promise<Reply> {
  const { child, waiting } = (helper ??= start())
  const answered = Promise.withResolvers<Reply>()
  const late = setTimeout(() => child.kill('SIGKILL'), maxMs)
  const abort = () => answered.reject(signal?.reason as Error)
  signal?.addEventListener('abort', abort, { once: true })
  waiting.set(request.id, answered)
  hold(child)
  child.send(
    request,
    (error) => error && answered.reject(new HelperDiedError('', { cause: error })),
  )
  try {
    return await answered.promise
  } finally {
    clearTimeout(late)
    signal?.removeEventListener('abort', abort)
    waiting.delete(request.id)
    if (waiting.size === 0) release(child)
  }
}

function start(): Helper {
  const script = join(import.meta.dirname, `helper-process${extname(import.meta.filename)}`)
  const child = fork(script, {
    execArgv: ['--max-old-space-size=128'],
    env: { PATH: process.env['PATH'], MALLOC_ARENA_MAX: '1' },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const started: Helper = { child, waiting: new Map() }
  const end = (cause?: unknown) => {
    if (helper === started) helper = null
    for (const { reject } of started.waiting.values()) reject(new HelperDiedError('', { cause }))
  }
  child.on('message', (reply) => {
    const { id } = reply as Reply
    started.waiting.get(id)?.resolve(reply as Reply)
  })
  child.once('error', end)
  child.once('exit', () => end())
  return started
}

/** A process may end although its helper is idle, and not while it is asked. */
function hold(child: ChildProcess): void {
  clearTimeout(idle)
  child.ref()
  child.channel?.ref()
}

function release(child: ChildProcess): void {
  child.unref()
  child.channel?.unref()
  idle = setTimeout(() => {
    if (helper?.child === child) helper = null
    child.kill()
  }, idleMs)
  idle.unref()
}

function resultOf(reply: Reply): Results[Work] {
  if ('result' in reply) return reply.result
  if ('unreadable' in reply) {
    const { message, ...details } = reply.unreadable
    throw new UnreadableError(message, { ...details, field: 'file' })
  }
  const { message, code } = reply.failed
  throw Object.assign(new Error(message), code === undefined ? {} : { code })
}
