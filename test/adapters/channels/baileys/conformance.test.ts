import t from 'tap'
import { conforms } from '../conformance.ts'
import { peer } from './peer.ts'

await conforms(t, peer)
