/**
 * What decodes files runs in a process of its own. The memory that it takes lies outside of JavaScript's heap and comes
 * back to the system only when the process ends (60 uploads of 5 MB left 300 MB behind in ours); and a decoder that a
 * file brings down takes nobody along.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { extname, join } from 'node:path'
import { Unreadable } from './errors.ts'
import type { Answer, Job } from './inside-process.ts'
import type { Metadata } from './inspect.ts'
import type { Preview } from './preview.ts'
import { createSlots } from './slots.ts'
import type { MediaType } from './types.ts'

/** What is known of a file from looking inside, and its thumbnail. */
export interface Inside {
  metadata: Metadata
  preview: Preview | null
}

interface Helper {
  child: ChildProcess
  open: Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>
  /** Has said that it runs. */
  ready: boolean
  /** Files that it was given. */
  taken: number
}

/** A new one is begun after so many files, and after so many ms without any. */
const mostFiles = 40
const idleMs = 5_000
/** ms for one file, those that it waits for there included: each step has a shorter time of its own. */
const mostMs = 120_000

/** The process ended while it had this file. */
class Died extends Error {}

// As many as look at files at once there; who waits here holds no file in memory.
const slots = createSlots(2)
let current: Helper | null = null
let ids = 0

/**
 * `inspect` and `makePreview` of the file at `path`. One that brings the process down by itself, twice, cannot be decoded.
 * @param about.folder the spool's, for the preview; whoever asked removes it
 * @throws {Unreadable} as `inspect` does; the reason of `signal`; what the disk says; where no process can be started
 */
export async function lookInside(
  path: string,
  type: MediaType,
  { folder, signal }: { folder: string; signal?: AbortSignal | undefined },
): Promise<Inside> {
  const job = { path, type, folder }
  try {
    return await slots(async () => ask(job, signal), { signal })
  } catch (error) {
    if (!(error instanceof Died)) throw error
  }
  try {
    // Alone, so that no other file can be the cause.
    return await slots(async () => ask(job, signal), { weight: 2, signal })
  } catch (error) {
    if (!(error instanceof Died)) throw error
    throw new Unreadable(
      'file cannot be decoded: it brings the decoder down',
      { code: 'image_undecodable', field: 'file', hint: 'Send a file that opens.' },
      { cause: error },
    )
  }
}

async function ask(job: Omit<Job, 'id'>, signal: AbortSignal | undefined): Promise<Inside> {
  signal?.throwIfAborted()
  const helper = (current ??= start())
  helper.taken += 1
  if (helper.taken >= mostFiles) current = null
  const id = (ids += 1)
  const { promise, ...settle } = Promise.withResolvers<Answer>()
  helper.open.set(id, settle)
  hold(helper, true)
  const abort = () => helper.child.connected && helper.child.send({ id, abort: true })
  signal?.addEventListener('abort', abort, { once: true })
  const late = setTimeout(() => helper.child.kill('SIGKILL'), mostMs)
  try {
    helper.child.send({ ...job, id } satisfies Job, (error) => error && settle.reject(error))
    const answer = await promise
    signal?.throwIfAborted()
    if ('inside' in answer) return answer.inside
    const { message, details, code } = answer.error
    if (details) throw new Unreadable(message, details)
    throw Object.assign(new Error(message), code === undefined ? {} : { code })
  } finally {
    clearTimeout(late)
    signal?.removeEventListener('abort', abort)
    helper.open.delete(id)
    if (helper.open.size === 0) rest(helper)
  }
}

function start(): Helper {
  const script = join(import.meta.dirname, `inside-process${extname(import.meta.filename)}`)
  const child = fork(script, [], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: ['--max-semi-space-size=4'],
    // The system's allocator keeps what one thread freed from all others: few threads, few such pools.
    env: { PATH: process.env['PATH'], MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '2' },
  })
  const helper: Helper = { child, open: new Map(), ready: false, taken: 0 }
  const end = (error: Error) => {
    if (current === helper) current = null
    for (const { reject } of helper.open.values()) reject(error)
  }
  child.on('message', (message: Answer | 'ready') => {
    if (message === 'ready') helper.ready = true
    else helper.open.get(message.id)?.resolve(message)
  })
  child.once('error', end)
  child.once('exit', (code, killedBy) => {
    const how = `the process that looks inside files ended (${killedBy ?? code})`
    end(helper.ready ? new Died(how) : new Error(`${how} before it began`))
  })
  return helper
}

/** Whether the process of ours stays because of it. */
function hold({ child }: Helper, held: boolean): void {
  if (held) child.ref()
  else child.unref()
  const { channel } = child
  if (held) channel?.ref()
  else channel?.unref()
}

function rest(helper: Helper): void {
  hold(helper, false)
  if (current !== helper) {
    helper.child.kill('SIGKILL')
    return
  }
  const { taken } = helper
  setTimeout(() => {
    if (helper.taken !== taken || helper.open.size > 0) return
    if (current === helper) current = null
    helper.child.kill('SIGKILL')
  }, idleMs).unref()
}
