import type { Logger } from 'pino'
import { onReaderGone, print } from './output.ts'
import { createParts, type Parts } from './parts.ts'
import { listenForStop } from './stop.ts'

/** Runs a server until Ctrl-C or SIGTERM, then ends its parts within 5 s. */
export async function serve(logger: Logger, begin: (parts: Parts) => Promise<void>): Promise<void> {
  const parts = createParts(logger)
  const stop = listenForStop()
  onReaderGone(() => {})
  try {
    await begin(parts)
    await stop.requested
    print('Stopping')
  } finally {
    await parts.stop()
  }
  print('Stopped')
}
