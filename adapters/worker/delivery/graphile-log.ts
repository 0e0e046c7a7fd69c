import { Logger as GraphileLogger } from 'graphile-worker'
import type { Logger } from 'pino'

/** Logs graphile-worker's info messages at `debug`, its warnings and errors at their own level. */
export function graphileLogger(logger: Logger): GraphileLogger {
  return new GraphileLogger(() => (level, message) => {
    if (level === 'error') logger.warn({ from: 'graphile-worker' }, message)
    else if (level === 'warning') logger.info({ from: 'graphile-worker' }, message)
    else logger.debug({ from: 'graphile-worker' }, message)
  })
}
