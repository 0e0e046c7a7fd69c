import t from 'tap'
import { survives } from '../fuzz.ts'
import { genericPeer, mimePeer } from './peer.ts'

t.test('JSON', async (t) => survives(t, genericPeer))
t.test('MIME', async (t) => survives(t, mimePeer))
