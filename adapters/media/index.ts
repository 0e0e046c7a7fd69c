export { checkAllowed, type Declared, typeOfInbound } from './allowed-types.ts'
export { Infected, Stalled, Unreadable, UnsupportedType } from './errors.ts'
export {
  FetchError,
  type FetchErrorCode,
  type Fetched,
  fetchFile,
  type FetchOptions,
} from './fetch.ts'
export { safeFilename } from './filename.ts'
export { inspect } from './inspect.ts'
export type { Metadata } from './metadata.ts'
export { makePreview, type Preview } from './preview.ts'
export { parsePrivateHosts, type PrivateHost } from '../shared/public-address.ts'
export { openStorages, type Storages } from './storages.ts'
export { sniff, type Sniffed } from './sniff.ts'
export { clearSpool, spool, type Spooled, type SpoolOptions } from './spool.ts'
export { allowedTypes, type MediaKind, type MediaType } from './types.ts'
