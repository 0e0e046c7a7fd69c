import t from 'tap'
import { conforms } from '../conformance.ts'
import { telegramPeer } from './peer.ts'

await conforms(t, telegramPeer)
