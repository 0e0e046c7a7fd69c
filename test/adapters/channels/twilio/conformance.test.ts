import t from 'tap'
import { conforms } from '../conformance.ts'
import { smsPeer, whatsappPeer } from './peer.ts'

t.test('SMS', async (t) => conforms(t, smsPeer))
t.test('WhatsApp', async (t) => conforms(t, whatsappPeer))
