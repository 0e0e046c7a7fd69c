export { createScanner, type ClamdOptions } from './clamd.ts'
export { ScannerUnavailable, ScanRefused, type Scanner, type Verdict } from './scan.ts'
