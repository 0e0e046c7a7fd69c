/** The process of look-inside.ts: files in, what is inside them out. It may be ended at any moment, and ends with ours. */

import { PigeonpostError } from '../../db/errors.ts'
import { inspect } from './inspect.ts'
import type { Inside } from './look-inside.ts'
import { makePreview } from './preview.ts'
import type { MediaType } from './types.ts'

export interface Job {
  id: number
  path: string
  type: MediaType
  /** Where the preview goes. */
  folder: string
}

export type Answer = { id: number } & (
  | { inside: Inside }
  | {
      error: {
        message: string
        /** Of an Unreadable. */
        details?: PigeonpostError['details']
        /** The system's. */
        code?: string
      }
    }
)

const open = new Map<number, AbortController>()

process.on('message', (message: Job | { id: number; abort: true }) => {
  if ('abort' in message) open.get(message.id)?.abort(new Error('nobody waits for it any more'))
  else void answer(message).then((said) => process.connected && process.send?.(said))
})
process.once('disconnect', () => process.exit())
process.send?.('ready')

async function answer({ id, path, type, folder }: Job): Promise<Answer> {
  const ending = new AbortController()
  open.set(id, ending)
  const { signal } = ending
  try {
    const metadata = await inspect(path, type, signal, { willDraw: true })
    return { id, inside: { metadata, preview: await makePreview(path, type, { folder, signal }) } }
  } catch (error) {
    const { message } = error as Error
    if (error instanceof PigeonpostError) return { id, error: { message, details: error.details } }
    const code = error instanceof Error && 'code' in error ? { code: String(error.code) } : {}
    return { id, error: { message, ...code } }
  } finally {
    open.delete(id)
  }
}
