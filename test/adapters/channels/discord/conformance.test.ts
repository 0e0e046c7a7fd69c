import t from 'tap'
import { conforms } from '../conformance.ts'
import { discordPeer } from './peer.ts'

await conforms(t, discordPeer)
