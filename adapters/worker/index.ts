export type { MediaOptions } from './media/context.ts'
export { startRelay, type Relay, type RelayOptions } from './relay/relay.ts'
export { startWorker, type Worker, type WorkerOptions } from './worker.ts'
