import {
  type InboundMessage,
  type Received,
  UnreadablePayload,
} from '../../../../adapters/channels/channel.ts'
import { twilio } from '../../../../adapters/channels/twilio/index.ts'
import { smsAccount, webhook } from './support.ts'

/** The Date header of support.ts. */
export const at = new Date('2024-12-09T18:20:00Z')

export function receive(
  fields: string | Record<string, string>,
  options: { url?: string; headers?: Record<string, string> } = {},
): Received {
  return twilio.receive(webhook(fields, options), smsAccount)
}

export function message(fields: string | Record<string, string>): InboundMessage {
  const [first] = receive(fields).messages
  if (!first) throw new Error('no message')
  return first
}

export function without(
  fields: Record<string, string>,
  ...names: string[]
): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}

export function refusal(fields: string | Record<string, string>, headers = {}): UnreadablePayload {
  try {
    receive(fields, { headers })
  } catch (error) {
    if (error instanceof UnreadablePayload) return error
    throw error
  }
  throw new Error('it was read')
}
