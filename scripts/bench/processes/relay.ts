// The relay in a process of its own, as `pigeonpost worker` runs it. Tells its parent {ready} once it notifies.
import { pino } from 'pino'
import { startRelay } from '../../../adapters/worker/relay/relay.ts'

const url = process.argv[2]
if (!url) throw new Error('usage: relay.ts URL')
const relay = startRelay({
  url,
  logger: pino({ level: 'error' }, process.stderr),
  onWoken: async () => {},
})
const timer = setInterval(() => {
  if (!relay.notifying) return
  clearInterval(timer)
  process.send?.({ ready: true })
}, 5)
const stop = () => void relay.stop().finally(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('disconnect', stop)
