import t from 'tap'
import { survives } from '../fuzz.ts'
import { smsPeer, whatsappPeer } from './peer.ts'

t.test('SMS', async (t) => survives(t, smsPeer))
t.test('WhatsApp', async (t) => survives(t, whatsappPeer))
