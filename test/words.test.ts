import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/** Where the old dialect is gone, and stays so; a room joins by a line here. */
const rooms = ['db', 'scripts']
/** Folders of these rooms where it is not gone yet. */
const pending = ['db/inbox', 'db/paging']

/** What an engineer of this field would not say, and what to write instead. */
const words: [old: RegExp, instead: string][] = [
  [/\b(most|longest|least)[A-Z]\w*/, 'max… or min…'],
  [/\bremembered\w*/i, 'cache, or saved…'],
  [/\bsittings?\b/i, 'thread'],
  [/\bbells?\b/i, 'notification'],
  [/\b(once|createOnce)\.ts\b/, 'idempotency.ts'],
  [/\bplan(Once|Anew)\b/, 'useGenericPlan, useCustomPlans'],
  [/\b(SaidMessage|toSaid)\b/, 'MessageRequest, toMessageRequest'],
  [/\bknowClients\b/, 'trackDisconnects'],
  [/\bnameDelivery\b/, 'setDigest'],
  [/\b(take-in|takeIn|Unwanted)\b/, 'ingestFile, DiscardedError'],
  [/\b(upkeep|flights)\b/i, 'maintenance, in-flight'],
  [/\bmoment\.ts\b/, 'receivedAt'],
  [/\bwithout sense\b/, 'invalid'],
  [/\bby (that|this) moment\b/, 'by then'],
]

t.test('the old words do not come back', async (t) => {
  for (const room of rooms) {
    const names = readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    for (const name of names.filter((one) => one.endsWith('.ts')).map((one) => join(room, one))) {
      if (pending.includes(dirname(name))) continue
      const lines = readFileSync(join(root, name), 'utf8').split('\n')
      for (const [old, instead] of words) {
        const at = lines.findIndex((line) => old.test(line))
        t.equal(at, -1, `${name}:${at + 1}: ${lines[at]?.trim()} (write ${instead})`)
      }
    }
  }
})
