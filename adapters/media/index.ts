export { checkAllowed, type Declared, typeOfInbound } from './allowed-types.ts'
export { analyzeFile, type Analysis, discard } from './analyze.ts'
export { filenameOf } from './disposition.ts'
export { InfectedError, StalledError, UnreadableError, UnsupportedTypeError } from './errors.ts'
export {
  FetchError,
  type FetchErrorCode,
  type Fetched,
  fetchFile,
  type FetchOptions,
} from './fetch.ts'
export { safeFilename } from './filename.ts'
export {
  DiscardedError,
  type IngestedFile,
  ingestFile,
  type IngestOptions,
  type MediaTools,
} from './ingest-file.ts'
export { inspect } from './inspect/inspect.ts'
export type { Metadata } from './inspect/metadata.ts'
export { makePreview, type Preview } from './inspect/preview.ts'
export { sniff, type Sniffed } from './inspect/sniff.ts'
export { createOutboundFiles, type OutboundFiles } from './outbound.ts'
export { clearSpool, spool, type Spooled, type SpoolOptions } from './spool.ts'
export { openStorages, type Storages } from './storages.ts'
export { allowedTypes, type MediaKind, type MediaType } from './types.ts'
export { parsePrivateHosts, type PrivateHost } from '../shared/public-address.ts'
