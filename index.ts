/**
 * What an application needs to run Pigeonpost inside its own process. All else is in the subpaths (`pigeonpost/db`,
 * `/http`, `/worker`, `/channels` …). The server, the worker and the channels are loaded when they are first called:
 * who only reads and writes loads postgres.js and zod, and nothing beside them.
 */
import type { Api, ApiOptions } from './adapters/http/index.ts'
import type { ReceivedWebhook, Webhook } from './adapters/inbound/index.ts'
import type { Worker, WorkerOptions } from './adapters/worker/index.ts'
import type { Sql } from './db/index.ts'

export { connect, type ConnectOptions, type Db, type Sql, type Transaction } from './db/index.ts'
export { type Changes, migrate, type MigrateOptions } from './db/index.ts'
export { listenEvents, type ListenOptions, type LoggedEvent } from './db/index.ts'
export * from './db/errors.ts'
export type { Api, ApiOptions, ReceivedWebhook, Webhook, Worker, WorkerOptions }

/** Starts the HTTP server; see `startApi` of `pigeonpost/http`. */
export async function startApi(options: ApiOptions): Promise<Api> {
  return (await import('./adapters/http/index.ts')).startApi(options)
}

/** Starts a worker, which sends what is queued and relays events; see `startWorker` of `pigeonpost/worker`. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  return (await import('./adapters/worker/index.ts')).startWorker(options)
}

/** Stores what a channel's webhook brought; see `receiveWebhook` of `pigeonpost/inbound`. */
export async function receiveWebhook(sql: Sql, webhook: Webhook): Promise<ReceivedWebhook> {
  return (await import('./adapters/inbound/index.ts')).receiveWebhook(sql, webhook)
}
