/** A message does not say its group's name: it is asked for once, and follows as an event of its own. */

import type { BaileysLogger, BaileysSocket } from './socket.ts'
import { asList, asObject } from '../values.ts'

/** `keep` takes a name that was asked for, as the event that Baileys has for it. The result is told of all events. */
export function nameGroups(keep: (events: Record<string, unknown>) => void, logger: BaileysLogger) {
  const named = new Set<string>()

  const ask = async (socket: BaileysSocket, jid: string) => {
    try {
      const metadata = await socket.groupMetadata?.(jid)
      if (metadata?.subject) keep({ 'groups.update': [{ id: jid, subject: metadata.subject }] })
    } catch (error) {
      named.delete(jid)
      logger.debug({ err: error, jid }, 'The group did not say its name.')
    }
  }

  return (socket: BaileysSocket, events: Record<string, unknown>) => {
    for (const group of [...asList(events['groups.upsert']), ...asList(events['groups.update'])]) {
      const { id, subject } = asObject(group) ?? {}
      if (typeof id === 'string' && typeof subject === 'string') named.add(id)
    }
    for (const message of asList(asObject(events['messages.upsert'])?.['messages'])) {
      const jid = asObject(asObject(message)?.['key'])?.['remoteJid']
      if (typeof jid !== 'string' || !jid.endsWith('@g.us') || named.has(jid)) continue
      named.add(jid)
      void ask(socket, jid)
    }
  }
}
