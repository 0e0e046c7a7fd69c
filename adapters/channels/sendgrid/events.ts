import { type InboundUpdate, type Received, UnreadablePayload } from '../channel.ts'
import { bareMessageId, sendgridId } from '../email/message-id.ts'
import { readPayload } from '../shared/payload.ts'
import { event as eventSchema, type SendgridEvent } from './schema.ts'

type Receipt = Extract<InboundUpdate['update'], { kind: 'receipt' }>
type Says = Pick<Receipt, 'status' | 'error_code' | 'error_message'>

/**
 * What an event says about its message; null where it says nothing that a receipt could: `processed` and `deferred` are
 * on the way, `click`, `unsubscribe` and the like are no state of a message.
 */
function says(event: SendgridEvent): Says | null {
  const failed = (code: string, message: string | null | undefined): Says => ({
    status: 'failed',
    error_code: code,
    error_message: (message ?? code).slice(0, 1000),
  })
  switch (event.event) {
    case 'delivered':
      return { status: 'delivered' }
    case 'open':
      return { status: event.sg_machine_open ? 'delivered' : 'read' }
    case 'bounce':
    case 'blocked': {
      const code = event.status || (event.type === 'blocked' ? 'blocked' : event.event)
      return failed(code, event.reason)
    }
    case 'dropped':
      return failed('dropped', event.reason)
    // The database keeps a delivered message delivered; the complaint stays with it all the same.
    case 'spamreport':
      return failed('complaint', 'The recipient marked it as spam.')
    default:
      return null
  }
}

/** The receipts in a batch of events. One that cannot be read leaves the others be. */
export function readEvents(payload: unknown): Received {
  const updates: InboundUpdate[] = []
  const problems: UnreadablePayload[] = []
  for (const [index, item] of [payload].flat().entries()) {
    try {
      const update = readEvent(item)
      if (update) updates.push(update)
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      problems.push(
        new UnreadablePayload(`${index}.${error.field}`, error.message, error.hint, error.code, {
          cause: error,
        }),
      )
    }
  }
  return { messages: [], updates, ...(problems.length > 0 ? { problems } : {}) }
}

function readEvent(item: unknown): InboundUpdate | null {
  const event = readPayload(eventSchema, item)
  const said = says(event)
  if (said === null) return null
  const smtpId = bareMessageId(event['smtp-id'] ?? '')
  // Sent by SMTP through SendGrid, a message has the id that we chose.
  const own = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})@/i.exec(smtpId)?.[1]?.toLowerCase()
  const told = event.sg_message_id?.split('.')[0]
  const externalMessageId = own ? smtpId : told || (sendgridId(smtpId) ?? smtpId)
  if (!externalMessageId) {
    throw new UnreadablePayload('sg_message_id', 'sg_message_id is missing')
  }
  const reference = event.pigeonpost_attempt || own
  return {
    externalMessageId: bareMessageId(externalMessageId),
    ...(reference ? { reference } : {}),
    update: {
      kind: 'receipt',
      at: event.timestamp.toISOString(),
      ...(event.email ? { recipient: event.email } : {}),
      ...said,
    },
  }
}
