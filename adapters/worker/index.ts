export type { MediaOptions } from './media.ts'
export { startRelay, type Relay, type RelayOptions } from './relay.ts'
export { startWorker, type Worker, type WorkerOptions } from './worker.ts'
