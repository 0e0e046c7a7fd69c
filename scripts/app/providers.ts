import type { Logger } from 'pino'
import { createFakechatProvider, type Provider, providers } from '../../adapters/channels/index.ts'
import { receiveWebhook } from '../../adapters/inbound/index.ts'
import { connect } from '../../db/connect.ts'

export type Providers = { all: Map<string, Provider>; stop(): Promise<void> }

/** Every provider that a worker can send by. The simulator reports by webhook, as a real one would. */
export function startProviders(options: {
  dataFolder: string
  url: string
  logger: Logger
}): Providers {
  const sql = connect(options.url, { max: 4, name: 'pigeonpost simulator' })
  const fakechat = createFakechatProvider({
    dataFolder: options.dataFolder,
    deliver: async (webhook) => receiveWebhook(sql, { ...webhook, channel: 'fakechat' }),
    warn: (error) => options.logger.warn({ err: error }, 'fakechat: a webhook was not taken'),
  })
  return {
    all: new Map<string, Provider>([...providers, [fakechat.name, fakechat]]),
    async stop() {
      await fakechat.close()
      await sql.end({ timeout: 1 })
    },
  }
}
