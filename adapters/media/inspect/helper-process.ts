/** The other side of helper.ts. It ends with whoever started it. */

import { UnreadableError } from '../errors.ts'
import { inspectFile, render } from './decode.ts'
import type { Reply, Request } from './helper.ts'

async function answer({ id, work, path, type }: Request): Promise<Reply> {
  try {
    return { id, result: await (work === 'inspectFile' ? inspectFile : render)(path, type) }
  } catch (error) {
    if (error instanceof UnreadableError) {
      const { code, hint } = error.details
      return { id, unreadable: { message: error.message, code, hint } }
    }
    const { message, code } = error as NodeJS.ErrnoException
    return { id, failed: { message, code } }
  }
}

process.on('message', (request) => {
  void answer(request as Request).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit())
