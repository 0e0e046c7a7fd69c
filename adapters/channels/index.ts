export * from './channel.ts'
export {
  baileysProvider,
  type BaileysProviderOptions,
  type Bridge as BaileysBridge,
  type BridgeOptions as BaileysBridgeOptions,
  startBaileysBridge,
} from './baileys/index.ts'
export {
  type Bridge as DiscordBridge,
  type BridgeOptions as DiscordBridgeOptions,
  postEvents as postDiscordEvents,
  startBridge as startDiscordBridge,
} from './discord/index.ts'
export {
  createFakechatProvider,
  type FakechatOptions,
  type FakechatProvider,
} from './fakechat/index.ts'
export {
  type HttpAnswer,
  type HttpRequest,
  type Reading,
  sendRequest,
} from './shared/http-request.ts'
export { channels, providers } from './registry.ts'
export { parseRetryAfter } from './shared/retry-after.ts'
