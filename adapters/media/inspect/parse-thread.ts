/** The thread of parse.ts: one file, one answer. It may be ended at any moment. */

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { Answer, Job } from './parse.ts'

const job = workerData as Job
const answer = await (job.kind === 'pdf' ? readPdf(job) : readMedia(job)).catch(
  (error: unknown): Answer => ({
    problem: error instanceof Error && error.name === 'PasswordException' ? 'encrypted' : 'broken',
  }),
)
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
parentPort?.postMessage(answer)

async function readPdf({ path }: Job): Promise<Answer> {
  const { getDocumentProxy } = await import('unpdf')
  const data = new Uint8Array(readFileSync(path))
  const { numPages } = await getDocumentProxy(data, { verbosity: 0 })
  return { pages: numPages }
}

async function readMedia({ path, size }: Job): Promise<Answer> {
  const { default: mediaInfoFactory } = await import('mediainfo.js')
  const mediaInfo = await mediaInfoFactory({ format: 'object' })
  const file = openSync(path, 'r')
  const result = await mediaInfo.analyzeData(size, (length, position) => {
    const bytes = new Uint8Array(length)
    return bytes.subarray(0, readSync(file, bytes, 0, length, position))
  })
  closeSync(file)
  const tracks = result.media?.track ?? []
  const general = tracks.find((track) => track['@type'] === 'General')
  const video = tracks.find((track) => track['@type'] === 'Video')
  const audio = tracks.find((track) => track['@type'] === 'Audio')
  if (!video && !audio) return { problem: 'broken' }
  const durationSeconds = general?.Duration ?? video?.Duration ?? audio?.Duration
  // Phones record in landscape, and store the rotation.
  const lying = Math.round(Number(video?.Rotation ?? 0) / 90) % 2 !== 0
  const [width, height] = lying ? [video?.Height, video?.Width] : [video?.Width, video?.Height]
  return {
    ...(durationSeconds === undefined ? {} : { durationSeconds }),
    ...(width && height ? { width, height } : {}),
    ...(video?.Format ? { videoCodec: video.Format } : {}),
    ...(audio?.Format ? { audioCodec: audio.Format } : {}),
  }
}
