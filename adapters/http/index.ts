export { startApi, type Api, type ApiOptions } from './server.ts'
