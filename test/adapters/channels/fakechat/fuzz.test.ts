import t from 'tap'
import { survives } from '../fuzz.ts'
import { fakechatPeer } from './peer.ts'

await survives(t, fakechatPeer)
