import { z } from 'zod'
import type { WebhookAnswer, WebhookRequest } from '../channel.ts'

const pressed = z.looseObject({ callback_query: z.looseObject({ id: z.string() }) })

/**
 * A pressed button shows that it is waiting until its query is answered. An answer to a webhook may call one method
 * (https://core.telegram.org/bots/api#making-requests-when-getting-updates), so this one is answered with an empty
 * `answerCallbackQuery`. Of anything else Telegram only wants the status 200.
 */
export function answer(request: WebhookRequest): WebhookAnswer {
  const query = pressed.safeParse(parse(request.body)).data?.callback_query
  const call = query ? { method: 'answerCallbackQuery', callback_query_id: query.id } : {}
  return { status: 200, contentType: 'application/json', body: JSON.stringify(call) }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
