import { z } from 'zod'
import type { ChannelAccount } from '../channel.ts'
import { misconfigured, type NotSent } from '../shared/content.ts'
import { readSecrets } from '../../shared/secrets.ts'

const text = z.string().min(1).nullish()
const settingsSchema = z.looseObject({
  account_sid: text,
  api_key_sid: text,
  messaging_service_sid: text,
})

export type Access = {
  accountSid: string
  /** The header's value: an API key where the account has one, else its SID and token. */
  authorization: string
  messagingServiceSid: string | null
}

/** An account's credentials, or what is missing. */
export function readAccess(account: ChannelAccount): Access | NotSent {
  const read = settingsSchema.safeParse(account.settings)
  if (!read.success) {
    return misconfigured(`settings.${read.error.issues[0]?.path.join('.')} must be a text`)
  }
  const secrets = readSecrets(account.secret, 'auth_token')
  const accountSid = read.data.account_sid ?? secrets['account_sid']
  const keySid = read.data.api_key_sid ?? secrets['api_key_sid']
  const password = keySid ? secrets['api_key_secret'] : secrets['auth_token']
  if (!accountSid || !/^AC\w+$/.test(accountSid)) {
    return misconfigured("settings.account_sid must be the account's SID (AC…)")
  }
  if (!password) {
    return misconfigured(`the secret ${keySid ? 'api_key_secret' : 'auth_token'} is missing`)
  }
  const credentials = Buffer.from(`${keySid ?? accountSid}:${password}`).toString('base64')
  return {
    accountSid,
    authorization: `Basic ${credentials}`,
    messagingServiceSid: read.data.messaging_service_sid ?? null,
  }
}
