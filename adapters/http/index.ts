export { startApi, type Api, type ApiOptions } from './server.ts'
export type { MediaSettings } from './routes/media.ts'
