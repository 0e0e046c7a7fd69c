import t from 'tap'
import { survives } from '../fuzz.ts'
import { telegramPeer } from './peer.ts'

await survives(t, telegramPeer)
