import { Logger as GraphileLogger } from 'graphile-worker'
import type { Logger } from 'pino'

/** graphile-worker's chatter at `debug`, its complaints as ours. */
export function graphileLogger(logger: Logger): GraphileLogger {
  return new GraphileLogger(() => (level, message) => {
    if (level === 'error') logger.warn({ from: 'graphile-worker' }, message)
    else if (level === 'warning') logger.info({ from: 'graphile-worker' }, message)
    else logger.debug({ from: 'graphile-worker' }, message)
  })
}
