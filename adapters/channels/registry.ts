import type { Channel, Provider } from './channel.ts'
import { discord, discordProvider } from './discord/index.ts'
import { fakechat } from './fakechat/index.ts'
import { telegram, telegramProvider } from './telegram/index.ts'
import { twilio, twilioProvider } from './twilio/index.ts'
import { whatsapp, whatsappProvider } from './whatsapp/index.ts'

const all: Channel[] = [fakechat, twilio, whatsapp, telegram, discord]

/** Every channel that can receive, by the name in its webhooks' path. */
export const channels: ReadonlyMap<string, Channel> = new Map(
  all.map((channel) => [channel.name, channel]),
)

/**
 * Every provider that needs nothing but the account's settings and secrets, by the name that accounts and routes give.
 * fakechat's and Baileys' have a life of their own and are started.
 */
export const providers: ReadonlyMap<string, Provider> = new Map(
  [twilioProvider, whatsappProvider, telegramProvider, discordProvider].map((provider) => [
    provider.name,
    provider,
  ]),
)
