/**
 * Runs parsers of untrusted files in a thread of their own. A thread's `resourceLimits` bound its heap only: a
 * PDF of 1.5 MB whose stream unpacks to 1.5 GB took the process to 2.5 GB with them in place, in buffers outside of it.
 * So its external memory is watched too.
 */

import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { heavyWork } from '../../shared/limiter.ts'

export type Job = {
  kind: 'pdf' | 'media'
  path: string
  /** Bytes. */
  size: number
}

export type Trouble = 'encrypted' | 'broken' | 'took_too_long' | 'took_too_much_memory'

const troubles = ['encrypted', 'broken', 'took_too_long', 'took_too_much_memory'] as const

const answer = z.object({
  pages: z.int().positive().optional(),
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  durationSeconds: z.number().nonnegative().optional(),
  videoCodec: z.string().max(100).optional(),
  audioCodec: z.string().max(100).optional(),
  problem: z.enum(troubles).optional(),
})

export type Answer = {
  [Name in keyof z.infer<typeof answer>]?: NonNullable<z.infer<typeof answer>[Name]>
}

const megabyte = 1024 * 1024
const maxMs = 10_000
const watchMs = 25
const maxHeapMegabytes = 64
/** Outside the heap, besides a PDF's own bytes (twice: as read, and as pdf.js takes them). mediainfo's WASM takes 54. */
const externalBytes = { pdf: 64 * megabyte, media: 128 * megabyte }
/** A PDF is read as a whole; a larger one is not looked at. */
const maxPdfBytes = 32 * megabyte

/** What the parser says, or what kept it from it; never throws for what a file holds. */
export async function parseFile(job: Job, { ms = maxMs } = {}): Promise<Answer> {
  if (job.kind === 'pdf' && job.size > maxPdfBytes) return { problem: 'took_too_much_memory' }
  // A thread takes 40 MB, mediainfo's memory 54: one at a time.
  return heavyWork(async () => run(job, ms), { weight: 2 })
}

async function run(job: Job, ms: number): Promise<Answer> {
  const maxExternal = externalBytes[job.kind] + (job.kind === 'pdf' ? 2 * job.size : 0)
  const outcome = Promise.withResolvers<Answer>()
  const script = join(import.meta.dirname, `parse-thread${extname(import.meta.filename)}`)
  const worker = new Worker(script, {
    workerData: job,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMegabytes, maxYoungGenerationSizeMb: 16 },
    // Discard what parsers print about a file.
    stdout: true,
    stderr: true,
  })
  worker.once('message', (message: unknown) => {
    const read = answer.safeParse(message)
    outcome.resolve(read.success ? withoutUndefined(read.data) : { problem: 'broken' })
  })
  worker.once('error', (error: Error & { code?: string }) => {
    const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    outcome.resolve({ problem: outOfMemory ? 'took_too_much_memory' : 'broken' })
  })
  worker.once('exit', () => outcome.resolve({ problem: 'broken' }))
  const late = setTimeout(() => outcome.resolve({ problem: 'took_too_long' }), ms)
  const look = async () => {
    const { external_memory: external } = await worker.getHeapStatistics()
    if (external > maxExternal) outcome.resolve({ problem: 'took_too_much_memory' })
  }
  // It rejects when the thread has ended.
  const watch = setInterval(() => void look().catch(() => {}), watchMs)
  try {
    return await outcome.promise
  } finally {
    clearTimeout(late)
    clearInterval(watch)
    await worker.terminate()
  }
}

function withoutUndefined(given: z.infer<typeof answer>): Answer {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
