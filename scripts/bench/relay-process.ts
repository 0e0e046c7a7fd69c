// The relay in a process of its own, as `pigeonpost worker` runs it: it must not share the load's event loop.
import { pino } from 'pino'
import { startRelay } from '../../adapters/worker/relay/relay.ts'

const url = process.argv[2]
if (!url) throw new Error('usage: relay-process.ts URL')
const relay = startRelay({
  url,
  logger: pino({ level: 'error' }, process.stderr),
  onWoken: async () => {},
})
const timer = setInterval(() => {
  if (relay.notifying) {
    clearInterval(timer)
    process.stdout.write('notifying\n')
  }
}, 5)
const stop = () => void relay.stop().finally(() => process.exit(0))
process.once('SIGTERM', stop)
// However its parent ended.
process.stdin.resume().once('end', stop)
