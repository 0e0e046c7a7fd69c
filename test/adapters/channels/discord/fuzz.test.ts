import t from 'tap'
import { survives } from '../fuzz.ts'
import { discordPeer } from './peer.ts'

await survives(t, discordPeer)
