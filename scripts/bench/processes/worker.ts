// A worker in a process of its own, with a provider that takes everything at once.
// Tells its parent: {ready}, {sent} after each so many, {cpuMs} when asked.
import { pino } from 'pino'
import type { Provider } from '../../../adapters/channels/channel.ts'
import { startWorker } from '../../../adapters/worker/worker.ts'

const [url, every = '1000'] = process.argv.slice(2)
if (!url) throw new Error('usage: worker.ts URL [EVERY]')
let sent = 0
const noop: Provider = {
  name: 'noop',
  channels: ['whatsapp'],
  takesIdempotencyKey: () => false,
  async send() {
    sent += 1
    if (sent % Number(every) === 0) process.send?.({ sent })
    return { outcome: 'sent', externalMessageId: `noop-${process.pid}-${sent}` }
  },
}
const worker = await startWorker({
  url,
  logger: pino({ level: 'warn' }, process.stderr),
  providers: new Map([[noop.name, noop]]),
})
const timer = setInterval(() => {
  if (!worker.notifying) return
  clearInterval(timer)
  process.send?.({ ready: true })
}, 5)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuMs: (user + system) / 1_000 })
})
const stop = () => void worker.stop().finally(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('disconnect', stop)
