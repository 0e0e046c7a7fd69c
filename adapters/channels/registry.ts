import { baileys } from './baileys/index.ts'
import type { Channel, Provider } from './channel.ts'
import { discord, discordProvider } from './discord/index.ts'
import { email } from './email/index.ts'
import { fakechat } from './fakechat/index.ts'
import { sendgrid, sendgridProvider } from './sendgrid/index.ts'
import { sms } from './sms/index.ts'
import { smtpProvider } from './smtp/index.ts'
import { telegram, telegramProvider } from './telegram/index.ts'
import { twilio, twilioProvider } from './twilio/index.ts'
import { whatsapp, whatsappProvider } from './whatsapp/index.ts'

/** Every channel that can receive, by the name in its webhooks' path. */
export const channels: ReadonlyMap<string, Channel> = byName<Channel>([
  baileys,
  discord,
  email,
  fakechat,
  sendgrid,
  sms,
  telegram,
  twilio,
  whatsapp,
])

/**
 * Every provider that needs nothing but the account's settings and secrets, by the name that accounts and routes give.
 * fakechat's and Baileys' have a life of their own and are started.
 */
export const providers: ReadonlyMap<string, Provider> = byName<Provider>([
  discordProvider,
  sendgridProvider,
  smtpProvider,
  telegramProvider,
  twilioProvider,
  whatsappProvider,
])

function byName<T extends { name: string }>(all: T[]): ReadonlyMap<string, T> {
  return new Map(all.map((one) => [one.name, one]))
}
