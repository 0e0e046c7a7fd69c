// A worker as a process of its own, for tests that kill it: node worker-process.ts <database> <provider> <keyed> <lease>
import { startWorker } from '../../../../adapters/worker/worker.ts'
import { reach } from '../../../support/pooler.ts'
import { httpProvider } from '../../../support/provider.ts'
import { silent } from './support.ts'

const [url = '', provider = '', keyed, leaseMs] = process.argv.slice(2)
const http = httpProvider(provider, { takesIdempotencyKey: keyed === 'keyed' })
const worker = await startWorker({
  ...reach(url),
  logger: silent,
  providers: new Map([[http.name, http]]),
  leaseMs: Number(leaseMs),
})
process.once('SIGTERM', () => void worker.stop().then(() => process.exit(0)))
console.log('ready')
