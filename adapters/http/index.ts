export { startApi, type Api, type ApiOptions } from './server/server.ts'
export type { MediaSettings } from './resources/media/routes.ts'
