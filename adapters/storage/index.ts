export { type Download, contentDisposition, safeFilename } from './download.ts'
export { checkKey, fileKey, isKey, previewKey, readKey } from './key.ts'
export { chooseStorage, openStorage, type StorageConfig } from './open.ts'
export { answerSignedPath, type FileAnswer } from './serve.ts'
export { filesPath, type SignedFile, verifySignedPath } from './signed-path.ts'
export {
  FileChangedError,
  InvalidKeyError,
  NoSuchFileError,
  StorageMisconfiguredError,
  StorageUnavailableError,
} from './errors.ts'
export { type FileFacts, type Storage, type StoredFile } from './storage.ts'
