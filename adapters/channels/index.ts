export * from './channel.ts'
export {
  createFakechatProvider,
  type FakechatOptions,
  type FakechatProvider,
} from './fakechat/index.ts'
export { type HttpAnswer, type HttpRequest, type Reading, sendRequest } from './http-request.ts'
export {
  createReceiver,
  receiveWebhook,
  type ReceivedWebhook,
  type Receiver,
  type Webhook,
} from './receive.ts'
export { channels, providers } from './registry.ts'
export { parseRetryAfter } from './retry-after.ts'
