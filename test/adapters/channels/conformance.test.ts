import t from 'tap'
import { conforms } from './conformance.ts'
import { peers } from './peers.ts'

for (const [name, peer] of Object.entries(peers)) {
  t.test(name, async (t) => conforms(t, peer))
}
