export { type Api, type ApiOptions, startApi } from './server/api.ts'
export type { MediaSettings } from './server/context.ts'
