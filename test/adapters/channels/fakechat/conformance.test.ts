import t from 'tap'
import { conforms } from '../conformance.ts'
import { fakechatPeer } from './peer.ts'

await conforms(t, fakechatPeer)
