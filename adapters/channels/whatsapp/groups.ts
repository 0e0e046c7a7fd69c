import type { GroupChange } from '../channel.ts'
import { readPayload } from '../shared/payload.ts'
import { group as groupSchema } from './schema.ts'

/**
 * What became of a group: a new subject or description, its suspension, its end. Who joined or left is not told here
 * (the delivery stays in the inbox); nor what failed. Null where nothing is left.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/webhooks
 */
export function readGroup(item: unknown): GroupChange | null {
  const group = readPayload(groupSchema, item)
  if (!group.group_id) return null
  const failed = group.errors !== undefined && group.errors.length > 0
  const { group_subject: subject, group_description: description } = group
  const name = subject?.update_successful ? subject.text : failed ? undefined : group.subject
  const about = description?.update_successful
    ? description.text
    : failed
      ? undefined
      : group.description
  const metadata = {
    ...(about === undefined ? {} : { description: about }),
    ...(group.type === 'group_suspend' ? { suspended: true } : {}),
    ...(group.type === 'group_suspend_cleared' ? { suspended: false } : {}),
    ...(group.type === 'group_delete' && !failed ? { deleted: true } : {}),
  }
  if (!name && Object.keys(metadata).length === 0) return null
  return {
    externalId: group.group_id,
    ...(name ? { name } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  }
}
