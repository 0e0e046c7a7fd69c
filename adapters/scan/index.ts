export { createScanner, type ClamdOptions } from './clamd.ts'
export { ScannerUnavailableError, ScanRefusedError, type Scanner, type Verdict } from './scan.ts'
