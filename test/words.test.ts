/** Words of a private dialect that have a term in the field (CONTRIBUTING.md, Glossary) and do not come back. */
import { readdirSync, readFileSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'

const root = join(import.meta.dirname, '..')

/** What is gone from the code as well. Add a word here once no file of adapters/, db/ and scripts/ has it. */
const gone: Record<string, RegExp> = {
  thread: /\bsittings?\b/i,
  'notify, notification': /\bbells?\b/i,
  'entry point': /\bthe door\b/i,
  'the name of the API or contract (db/README.md, "Compatible with")': /\bdoc(ument)?s? ?\d{3}\b/i,
  'add a job': /\bdoorbells?\b/i,
  'DESIGN.md is not in the package; say it here': /\bDESIGN(\.md)?\b/,
  'circuit breaker, pause': /\bleft alone for a while\b/i,
  'skipped, slow path': /\bthe long way\b/i,
  'another worker, locked': /\b(nobody|somebody) else has the message\b/i,
}

/** What is gone from the documents, where strangers begin. */
const goneFromDocuments: Record<string, RegExp> = {
  ...gone,
  'message, email': /\bletters?\b/i,
  'slow rows, unusual': /\bodd\b/i,
  Limits: /^#+ What is not$/m,
}

function check(t: Test, file: string, text: string, words: Record<string, RegExp>): void {
  for (const [instead, word] of Object.entries(words)) {
    const found = word.exec(text)
    const line = text.slice(0, found?.index ?? 0).split('\n').length
    t.notOk(found, `${file}:${line}: "${found?.[0]}"; write: ${instead}`)
  }
}

t.test('no document speaks the dialect', async (t) => {
  let count = 0
  const documents = ['*.md', '{db,migrations,scripts}/README.md', 'adapters/*/README.md']
  for await (const file of glob(documents, { cwd: root })) {
    check(t, file, await readFile(join(root, file), 'utf8'), goneFromDocuments)
    count += 1
  }
  t.ok(count >= 7, 'documents are found')
})

t.test('no source does', async (t) => {
  for (const folder of ['adapters', 'db', 'scripts', 'migrations/fixtures']) {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    for (const name of names.filter((name) => /\.(ts|sql)$/.test(name)))
      check(t, join(folder, name), readFileSync(join(root, folder, name), 'utf8'), gone)
  }
})

/** Where these are gone, too; a room joins by a line. */
const rooms = [
  'db',
  'scripts',
  'adapters/channels',
  'adapters/inbound',
  'adapters/http',
  'adapters/worker',
  'adapters/media',
  'adapters/storage',
  'adapters/scan',
  'adapters/shared',
]
const goneFromRooms: Record<string, RegExp> = {
  'max… or min…': /\b(most|longest|least)[A-Z]\w*/,
  'cache, or saved…': /\bremembered\w*/i,
  'useGenericPlan, useCustomPlans': /\bplan(Once|Anew)\b/,
  'MessageRequest, toMessageRequest': /\b(SaidMessage|toSaid)\b/,
  trackDisconnects: /\bknowClients\b/,
  setDigest: /\bnameDelivery\b/,
  'ingestFile, DiscardedError': /\b(take-in|takeIn|Unwanted)\b/,
  'maintenance, in-flight': /\b(upkeep|flights)\b/i,
  invalid: /\bwithout sense\b/,
  'omitted fields keep their value': /\bwhat is left out stays\b/i,
  'not available': /\b(cannot|not to) be had\b/i,
  'not leased, not locked': /\bin (nobody's|its) hands\b/i,
  'silently, or an error of theirs': /\bconcerns nobody\b/i,
  'whoever → the role by name': /\bwhoever runs\b/i,
  'worth a retry': /\bworth another try\b/i,
}

t.test('nor does a room that was gone through say more of it', async (t) => {
  for (const room of rooms) {
    const names = readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    for (const name of names.filter((name) => name.endsWith('.ts')).map((one) => join(room, one))) {
      check(t, name, readFileSync(join(root, name), 'utf8'), goneFromRooms)
    }
  }
})
