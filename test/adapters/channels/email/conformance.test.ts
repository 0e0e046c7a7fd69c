import t from 'tap'
import { conforms } from '../conformance.ts'
import { genericPeer, mimePeer } from './peer.ts'

t.test('JSON', async (t) => conforms(t, genericPeer))
t.test('MIME', async (t) => conforms(t, mimePeer))
