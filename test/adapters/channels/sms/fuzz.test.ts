import t from 'tap'
import { survives } from '../fuzz.ts'
import { peer } from './peer.ts'

await survives(t, peer)
